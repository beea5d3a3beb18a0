"""What every client must come through: a certificate, its free renewal, and an upstream slower than the client."""

import functools
import http.server
import json
import os
import threading
import time

from dns_server import ZONE
from pki import chain_of, check_chain
from process import Process, clean_environment, run
from world import program


class Home:
    """A client's folder in a world, and its way to run there with the gateway's authority trusted."""

    def __init__(self, world, **environment):
        self.world, self.folder = world, world.path("client")
        os.makedirs(self.folder)
        self.environment = clean_environment(HOME=self.folder, SSL_CERT_FILE=world.pki.ca,
                                             CURL_CA_BUNDLE=world.pki.ca, REQUESTS_CA_BUNDLE=world.pki.ca,
                                             LEGO_CA_CERTIFICATES=world.pki.ca, **environment)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make(self, *names):
        """A folder below the client's."""
        os.makedirs(self.path(*names), exist_ok=True)
        return self.path(*names)

    def write(self, name, text, mode=0o600):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        return self.path(name)

    def openssl(self, *arguments):
        self.run("openssl", *arguments)

    def key(self, name):
        """A new P-256 key."""
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name))
        return self.path(name)

    def request(self, key, names, name):
        """A CSR for names, in PEM."""
        self.openssl("req", "-new", "-key", key, "-subj", "/", "-out", self.path(name), "-addext",
                     "subjectAltName=" + ",".join("DNS:" + n for n in names))
        return self.path(name)

    def try_run(self, *argv, timeout=90):
        return run(list(argv), self.folder, timeout=timeout, env=self.environment)

    def run(self, *argv, timeout=90):
        done = self.try_run(*argv, timeout=timeout)
        assert done.returncode == 0, f"{argv} ended with status {done.returncode}:\n{done.output}"
        return done.output

    def trusting(self, *argv):
        """For a client that knows only the system's authorities: a mount namespace where ours is all of them."""
        return ["unshare", "--map-root-user", "--mount", "sh", "-c",
                'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"', self.world.pki.ca, *argv]

    def start(self, *argv):
        return Process(os.path.basename(argv[0]), list(argv), self.folder, self.environment)


class Webroot:
    """Serves a folder on the port where the gateway looks for http-01: with Webroot(world) as its path."""

    def __init__(self, world):
        self.path = world.path("webroot")
        self.challenges = os.path.join(self.path, ".well-known", "acme-challenge")
        os.makedirs(self.challenges)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=self.path)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", world.ports["http01"]), handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *what):
        self._server.shutdown()
        self._server.server_close()


def _ctl(world, *words):
    done = run([program("acmegatectl"), "--socket", world.path("admin.sock"), "--json", *words], world.folder)
    assert done.returncode == 0, done.output
    return json.loads(done.output)


def external_key(world):
    """An external account key, as a dictionary with id and hmac_key, for a policy with all names of the zone."""
    _ctl(world, "policy", "create", "fleet", "names=." + ZONE)
    return _ctl(world, "eab", "create", "fleet")


def check_bound(world, names, key, path):
    """The chain at path was got by the one account that is bound to key."""
    check_chain(path, world.root, names)
    check_sales(world, names, 0)
    assert _ctl(world, "eab", "show", key["id"])["accounts"] == 1


def names_for(client):
    return [f"{client}.{ZONE}", f"{client}-www.{ZONE}"]


def serial_of(path):
    with open(path, "rb") as file:
        return chain_of(file.read())[0].serial_number


def wait_for(what, happened, timeout=60):
    deadline = time.monotonic() + timeout
    while True:
        value = happened()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.05)


def replaced(world, names):
    """The free replacements of exactly these names."""
    return [order for order in world.ledger()
            if order["kind"] == "replacement" and sorted(order["names"]) == sorted(names)]


def check_sales(world, names, replacements):
    assert len(world.bought(names)) == 1, world.ledger()
    assert len(replaced(world, names)) == replacements, world.ledger()


def check_new_and_renewed(world, names, new, renew):
    """new() and renew() run the client and return where it keeps the chain."""
    path = new()
    check_chain(path, world.root, names)
    check_sales(world, names, 0)
    first = serial_of(path)
    path = renew()
    check_chain(path, world.root, names)
    assert serial_of(path) != first, "the renewed certificate is the old one"
    check_sales(world, names, 1)


def wait_bought(world, names):
    return wait_for(f"the purchase of {names}", lambda: world.bought(names))


def hurry(world):
    """Sectigo's stand-in issues what waits, and all else at once from now on."""
    world.sandbox.stop()
    world.issue_delay = 0
    world.start_sandbox()
    wait_for("issuance", lambda: all(order["state"] == "issued" for order in world.ledger()))


def check_slow(world, names, impatient, again):
    """impatient() runs the client until it gives up; again() is its next run, which returns where the chain is."""
    impatient()
    wait_bought(world, names)
    hurry(world)
    check_chain(again(), world.root, names)
    assert len(world.bought(names)) == 1, world.ledger()


def cut_short(world, names, program, service=False):
    """What a timer's limit does to a client that waits for hours, or a restart to a service: ended once the purchase
    is under way. A service may end well."""
    wait_bought(world, names)
    assert program.stop() != 0 or service, f"{program.name} ended well without a certificate:\n{program.tail()}"


def check_revoked(world, names, path, revoke):
    """revoke() runs the client's own command for the certificate at path; the stand-in must learn of that serial."""
    serial = format(serial_of(path), "x").lstrip("0")
    revoke()

    def gone():
        return [c for order in world.bought(names) if order["state"] == "revoked"
                for c in order["certificates"] if c["serial"].lower().lstrip("0") == serial]

    wait_for(f"revocation of {serial}", gone)
    world.wait_log(lambda line: "the revocation that was asked for here" in line.get("msg", ""))  # the push is judged
