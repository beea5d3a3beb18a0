"""A world whose times are short, and the questions that every test of chaos asks of it in the end."""

import contextlib
import json
import os
import subprocess
import time
import urllib.parse

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_client import AcmeClient, b64, http_responder, make_csr
from dns_server import ZONE, DnsServer
from process import clean_environment, patience
from sequence import check_refusal, check_sequence
from world import LOGIN, PASSWORD, PUSH_PASSWORD, PUSH_USER, World, program

# Nothing here takes long by itself; sanitizers and a busy machine do.
WAIT_S = patience(120)


def wait_for(what, condition, seconds=WAIT_S):
    """Polls for something that tells nobody; its result once it is true."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def public_octets(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def short_times(config):
    """Minutes and hours become parts of a second; finalize never holds its reply."""
    config["acme"]["hold_finalize"] = "0s"
    config["dcv"].update(preflight_retry="200ms", nudge_after="0s")
    config["issuance"] = {"settle_again": "200ms", "resend": "800ms", "settle_give_up": "1h", "later": "200ms"}
    for profile in config["profiles"]:
        profile.update(first_poll="400ms", poll_interval="400ms")


def cname_first(world, config):
    """Domain control by CNAME records in the zone of the tests, published by dynamic updates."""
    path = os.path.join(world.folder, "tsig-secret")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(world.dns.secret + "\n")
    config["dcv"].update(methods=["cname"], zones=[{
        "zone": ZONE, "server": f"127.0.0.1@{world.dns.port}", "tsig_name": DnsServer.KEY,
        "tsig_secret_file": path}])


class ChaosWorld(World):
    """options beside World's: cname for domain control by CNAME."""

    def __init__(self, folder, learn="both", cname=False, change=None, **options):
        self.cname, self.also = cname, change
        super().__init__(folder, learn=learn, change=self._shorten, **options)

    def _shorten(self, config):
        short_times(config)
        if self.cname:
            cname_first(self, config)
        if self.also:
            self.also(config)

    # ---- Sectigo's stand-in ----

    def _ask_sandbox(self, path, data=None):
        """Once more where a fault that was meant for the gateway has met this connection."""
        with contextlib.suppress(OSError):
            return super()._ask_sandbox(path, data)
        return super()._ask_sandbox(path, data)

    def ask(self, path, value=None):
        """JSON from /sandbox/path; with a value it is posted."""
        data = None if value is None else json.dumps(value).encode()
        return json.loads(self._ask_sandbox("/sandbox/" + path, data))

    def clear_faults(self):
        with requests.Session() as session:
            session.trust_env = False
            session.delete(self.sandbox_url + "/sandbox/faults", verify=self.path("sandbox/tls-ca.pem"), timeout=30)

    def settings(self, **values):
        self.ask("settings", values)

    def advance(self, number, step, **more):
        self.ask(f"orders/{urllib.parse.quote(number, safe='')}/advance", {"step": step, **more})

    def sectigo(self, call, **fields):
        """One of Sectigo's own calls, as a person with the login would make it."""
        fields = {"loginName": LOGIN, "loginPassword": PASSWORD, **fields}
        return self._ask_sandbox(f"/products/!{call}", urllib.parse.urlencode(fields).encode()).decode()

    def sold(self, names):
        return [order for order in self.ledger() if sorted(order["names"]) == sorted(names)]

    def kinds(self, names):
        return [order["kind"] for order in self.sold(names)]

    # ---- the gateway ----

    def ctl(self, *arguments):
        done = subprocess.run([program("acmegatectl"), "--socket", self.path("admin.sock"), "--json", *arguments],
                              text=True, cwd=self.folder, env=clean_environment(), timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def pages(self, *words):
        """What a list of acmegatectl's has on all its pages: a world of many cases fills more than one."""
        rows, after = [], None
        while True:
            page = self.ctl(*words, "--limit", "1000", *(["--after", after] if after else []))
            rows += page["items"]
            after = page.get("next")
            if not after:
                return rows

    def all(self, kind):
        """Every issuance or subscription of the store."""
        return self.pages(kind, "list")

    def push(self, **fields):
        """A notification from the outside, with the credentials that Sectigo has; the status that answers it."""
        with requests.Session() as session:
            session.trust_env = False
            return session.post(self.public_url + "/push/sectigo", data=fields, auth=(PUSH_USER, PUSH_PASSWORD),
                                timeout=WAIT_S).status_code

    def client(self):
        client = AcmeClient(self.directory, self.pki.ca)
        client.timeout = WAIT_S
        assert client.new_account().status_code == 201
        return client

    @contextlib.contextmanager
    def responder(self):
        with http_responder(self.ports["http01"]) as responder:
            yield responder


class Order:
    """One ACME order with its key, from ready to its certificate."""

    def __init__(self, client, names, responder, key=None, common_name=None, **members):
        self.client, self.names = client, names
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.csr = make_csr(names, self.key, common_name)
        answer = client.try_order(names, **members)
        assert answer.status_code == 201, answer.text
        self.url, self.order = answer.headers["location"], answer.json()
        client.authorize(self.order, responder)
        self.id = self.url.rstrip("/").rsplit("/", 1)[1]

    def finalize(self):
        """Until it is acknowledged: the same CSR once more is the same order (RFC 8555 section 7.4)."""
        answer = self.client.finalize(self.order, self.csr)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def object(self):
        return self.client.fetch(self.url).json()

    def wait_end(self):
        """The order, once it is valid or invalid; asked for more often than Retry-After says, since times are short."""
        def ended():
            order = self.object()
            return order if order["status"] != "processing" else None
        return wait_for(f"the end of the order for {self.names}", ended)

    def wait_valid(self):
        """Its leaf, which is for its names and its key."""
        order = self.wait_end()
        assert order["status"] == "valid", order
        pem = self.client.fetch(order["certificate"]).text
        leaf = x509.load_pem_x509_certificate(pem.encode())
        assert public_octets(leaf.public_key()) == public_octets(self.key.public_key())
        given = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert sorted(given.get_values_for_type(x509.DNSName)) == sorted(self.names)
        return leaf

    def wait_invalid(self):
        order = self.wait_end()
        assert order["status"] == "invalid", order
        assert order["error"]["detail"], order
        return order["error"]


def revoke(client, leaf):
    return client.post(client.directory["revokeCert"], {"certificate": b64(leaf.public_bytes(Encoding.DER))})


def _check_sequence(world, issuances):
    """It was not Sectigo who kept us from buying twice."""
    calls, times = world.calls(), world.times()
    check_sequence(calls, times)
    for row in issuances:
        if row["state"] == "refused":
            check_refusal(row["id"], calls, times)


def _check_paid(purchases, subs, forgets):
    paid = {sub["order_number"] for sub in subs if sub.get("order_number")}
    assert paid == purchases or (forgets and paid < purchases), (sorted(purchases), sorted(paid))


def check_agreement(world, twice=(), forgets=False):
    """Ledger and store tell the same story; nothing was bought twice (but for the names in twice), nothing waits
    without a job that goes on, and nothing left again that might have been placed. forgets: housekeeping may have removed
    what is over."""
    ledger = world.ledger()
    purchases = {order["orderNumber"]: order for order in ledger if order["kind"] == "purchase"}
    subs = [world.ctl("subscription", "show", row["id"]) for row in world.all("subscription")]
    _check_paid(set(purchases), subs, forgets)
    sets = [tuple(sorted(order["names"])) for order in purchases.values()]
    doubled = {names for names in sets if sets.count(names) > 1} - {tuple(sorted(names)) for names in twice}
    assert not doubled, doubled
    queues = {one: sub for sub in subs for one in sub["queue"]}
    for row in world.all("issuance"):
        if row["state"] in ("collected", "refused", "dead"):
            continue
        if row["state"] == "queued":  # goes on with the one that has the turn
            assert row["id"] in queues and queues[row["id"]]["under_way"], row
            continue
        assert world.ctl("issuance", "show", row["id"])["due_ms"], row
    # Every certificate that Sectigo signed for a live key is one that the store was told of.
    issuances = world.all("issuance")
    known = {row["order_number"] for row in issuances if row.get("order_number")}
    assert forgets or set(purchases) <= known, sorted(set(purchases) - known)
    _check_sequence(world, issuances)
