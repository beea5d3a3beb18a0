"""A world with several gateways on one database, a balancer in front, and clients that come back until they are served."""

import contextlib
import copy
import json
import signal
import threading
import time

import requests
import yaml
from acme_client import AcmeClient, http_responder, make_csr
from balancer import Balancer, is_ready
from chaos_world import short_times, wait_for
from dns_server import ZONE
from loopback import release_port, take_port
from process import Process, clean_environment, run
from scrape import scrape
from world import World, log_of, program


MODES = ("standby", "share")  # one has all of the work and the others wait; or they serve, too


REPLACED = 75  # the status of a gateway whose store another one has taken over
READY = [(200, "ok\n"), (200, "ready\n")]  # /healthz and /readyz
WAITS = [(200, "ok\n"), (503, "waiting: another gateway owns the store\n")]


def has_message(text):
    return lambda line: text in log_of(line).get("msg", "")


def finalize_where_it_stops(client, order, csr):
    """At a gateway that stops while it works on it, and may do so before its reply has left."""
    with contextlib.suppress(requests.RequestException):
        answer = client.finalize(order, csr)
        assert answer.status_code == 200, answer.text


class ScaleWorld(World):
    """Ports acme and public are the balancer's; each gateway has its own. self.gateway is the one that owns the store,
    as far as the test has said so (follow). stop_first_at: where the first one, which owns it at the start, stops."""

    GOOD_ENDS = (0,)  # of a gateway that is told to end

    def __init__(self, folder, connection, names=("a", "b"), learn="both", change=short_times, mode="standby",
                 stop_first_at=None, **options):
        self.connection, self.names, self.mode, self.gateways = connection, names, mode, {}
        self.stop_first_at = stop_first_at
        self.own = {name: {kind: take_port() for kind in ("acme", "public", "metrics")} for name in names}
        self.balancer = None
        super().__init__(folder, learn=learn, change=change, **options)

    def store(self, name="store"):
        return {"engine": "postgresql", "key_file": self.path(f"{name}.key"),
                "postgresql": {"connection": self.connection, "schema": f"{self.schema}_{name}", self.mode: True}}

    def connection_of(self, name):
        """How this gateway reaches the database."""
        return self.connection

    def admin_socket(self, name):
        """The first one's is the world's."""
        return self.path("admin.sock" if name == self.names[0] else f"{name}.sock")

    def _config_of(self, name, config):
        config, own = copy.deepcopy(config), self.own[name]
        if "postgresql" in config["store"]:
            config["store"]["postgresql"]["connection"] = self.connection_of(name)
        config["acme"]["listen"] = [f"127.0.0.1:{own['acme']}"]
        config["public"]["listen"] = [f"127.0.0.1:{own['public']}"]
        config["metrics"] = {"listen": [f"127.0.0.1:{own['metrics']}"]}
        config["admin"]["socket"] = self.admin_socket(name)
        return config

    def write_config(self):
        """One file for each gateway, and acmegate.yaml, which the world itself reads."""
        path = super().write_config()
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        config["issuance"]["resend"] = "60s"  # the least that is taken of several
        self._write("acmegate.yaml", yaml.safe_dump(config, sort_keys=False))
        for name in self.names:
            self._write(f"{name}.yaml", yaml.safe_dump(self._config_of(name, config), sort_keys=False))
        return path

    def start_gateway(self, stop_at=None, wait=True):
        """The first owns the store, the others wait, or serve beside it."""
        self.start_one(self.names[0], stop_at or self.stop_first_at)
        self.follow(self.names[0])
        for name in self.names[1:]:
            self.start_waiting(name)
        self.balancer = self.balancer or Balancer(self.folder, self.ports, self.own)

    def start_one(self, name, stop_at=None):
        env = clean_environment(**({"ACMEGATE_DEBUG_STOP_AT": stop_at} if stop_at else {}))
        # Who is replaced ends at once, and joins no thread.
        env["TSAN_OPTIONS"] = env.get("TSAN_OPTIONS", "") + " report_thread_leaks=0"
        self.gateways[name] = Process(f"acmegate-{name}", [program("acmegate"), "--config", self.path(f"{name}.yaml")],
                                      self.folder, env)

    def start_waiting(self, name, stop_at=None):
        """Beside the one that owns the store."""
        self.start_one(name, stop_at)
        if self.mode == "share":
            self.gateways[name].wait_line(lambda line: log_of(line).get("msg") == "ready")
        else:
            self.gateways[name].wait_line(has_message("waiting for the store"))

    def stop_one(self, name):
        self.gateways[name].signal(signal.SIGTERM)
        self.ended(name, 0)

    def status(self, name):
        """What acmegatectl says of the store's owner."""
        done = run([program("acmegatectl"), "--socket", self.admin_socket(name), "--json", "status"], self.folder)
        assert done.returncode == 0, done.output
        return json.loads(done.output)

    def owner(self):
        """The one whose deferred work it is."""
        return wait_for("an owner", self._find_owner)

    def _find_owner(self):
        return next((name for name in self.names if is_ready(self.own[name]["metrics"]) and self.owns(name)), None)

    def owns(self, name):
        """Of those that serve."""
        return self.mode != "share" or self.metric(name, "acmegate_owner") == 1

    def metric(self, name, metric, **labels):
        """Its value at that gateway."""
        return scrape(f"http://127.0.0.1:{self.own[name]['metrics']}").value(metric, **labels)

    def health(self, name, kind="metrics"):
        """(status, text) of /healthz and of /readyz; None where nobody listens."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                answers = [session.get(f"http://127.0.0.1:{self.own[name][kind]}{path}", timeout=10)
                           for path in ("/healthz", "/readyz")]
            except requests.ConnectionError:
                return None
        return [(answer.status_code, answer.text) for answer in answers]

    def waits(self, name):
        return self.health(name) == WAITS

    def bad_nonces(self):
        """How many requests the gateways that serve have answered so since their start."""
        found = [self.metric(name, "acmegate_acme_problems_total", type="badNonce")
                 for name in self.names if is_ready(self.own[name]["metrics"])]
        return int(sum(value or 0 for value in found))

    def follow(self, name):
        """Seconds until this one serves; from then on it is the world's."""
        began = time.monotonic()
        self.gateway = self.gateways[name]
        self.wait_log(lambda line: line.get("msg") == "ready")
        return time.monotonic() - began

    def ended(self, name, status):
        """The lines of one that ends by itself, or has been told to."""
        gateway = self.gateways.pop(name)
        assert gateway.wait_end() == status, gateway.tail(60)
        self.note_sanitizer(gateway)
        return [log_of(line) for line in gateway.lines]

    def stop_gateway(self):
        for gateway in reversed(self.gateways.values()):  # whoever owns the store last, so that nobody takes it over
            gateway.signal(signal.SIGCONT)  # a test that failed may have left it frozen
            status = gateway.stop()
            self.note_alarms(gateway)
            self.note_sanitizer(gateway)
            if status not in self.GOOD_ENDS:
                self.problems.append(f"{gateway.name} ended with status {status}:\n{gateway.tail(60)}")
        self.gateways, self.gateway = {}, None

    def close(self):
        if self.balancer:
            self.balancer.close()
        try:
            super().close()
        finally:
            for own in self.own.values():
                for port in own.values():
                    release_port(port)


class Fleet:
    """Clients that order one name after another, each until it has its certificate, whatever happens meanwhile."""

    TIMEOUT_S = 5  # a gateway that is stopped answers nobody
    KEEPS_CONNECTIONS = True

    def __init__(self, world, responder, clients):
        self.world, self.responder = world, responder
        self.begun, self.served, self.failed, self.bad_nonces, self.stopping = [], [], [], [], threading.Event()
        # None keeps a test that has failed from ending.
        self.threads = [threading.Thread(target=self._order, args=(number,), daemon=True) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def _order(self, number):
        count = 0
        while not self.stopping.is_set():
            name = f"client{number}-{count}." + ZONE
            self.begun.append(name)
            self.serve(name)
            self.served.append(name)
            count += 1

    def serve(self, name):
        csr, client = make_csr([name]), None
        while True:
            with contextlib.suppress(requests.RequestException, AssertionError):
                client = client or self.client()
                url, order = client.ready_order([name], self.responder)
                assert client.finalize(order, csr).status_code == 200
                assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
                return
            if client:
                client.reconnect()
            time.sleep(0.1)

    def client(self):
        client = AcmeClient(self.world.directory, self.world.pki.ca, timeout=self.TIMEOUT_S,
                            keeps_connections=self.KEEPS_CONNECTIONS)
        assert client.new_account().status_code == 201
        return client

    def wait_served(self, more):
        goal = len(self.served) + more
        wait_for("certificates", lambda: len(self.served) >= goal or self.failed)

    def finish(self):
        """Each name that somebody wanted has its certificate, and was bought once."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed
        bought = [order["names"][0] for order in self.world.ledger() if order["kind"] == "purchase"]
        assert sorted(self.served) == sorted(self.begun)
        assert sorted(bought) == sorted(self.begun), "lost, or bought twice"


@contextlib.contextmanager
def ordering(world, clients=3, kind=Fleet):
    with http_responder(world.ports["http01"]) as responder:
        fleet = kind(world, responder, clients)
        try:
            yield fleet
        finally:
            fleet.stopping.set()
        fleet.finish()
