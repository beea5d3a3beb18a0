"""cert-manager's controllers in a real kube-apiserver, with the manifests of deploy/kubernetes."""

import base64
import copy
import os

import pytest
import yaml

from cluster import CERTIFICATES, ISSUERS, SECRETS, Cluster
from dns_server import ZONE
from matrix import check_sales, hurry, serial_of, wait_bought, wait_for
from pki import check_chain
from process import run
from world import World, program

MANIFESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "kubernetes")
LONG = 180


def _manifest(name):
    with open(os.path.join(MANIFESTS, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


@pytest.fixture(scope="module")
def cluster():
    one = Cluster()
    yield one
    one.close()


def _change(config):
    """Wildcards are proved in the zone; a second profile beside the default; no reply is held."""
    folder = os.path.dirname(config["store"]["path"])
    config["acme"].update(external_account="required", hold_finalize="0s")
    config["dcv"].update(methods=["cname", "http"], zones=[{
        "zone": ZONE, "server": config["validation"]["resolvers"][0], "tsig_name": "acme-update",
        "tsig_secret_file": os.path.join(folder, "knot", "tsig-secret")}])
    config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "other"})


class Fleet:
    """A world, and the cluster whose cert-manager has it as its issuer."""

    def __init__(self, world, cluster):
        self.world, self.cluster = world, cluster
        cluster.start_controller(world.dns.port)

    def close(self):
        self.cluster.clear()
        self.cluster.controller.stop()
        self.world.close()

    def ctl(self, *words):
        done = run([program("acmegatectl"), "--socket", self.world.path("admin.sock"), "--json", *words], self.world.folder)
        assert done.returncode == 0, done.output
        return yaml.safe_load(done.output)

    def bind(self, validation, profile=None):
        """The ClusterIssuer of deploy/kubernetes, with a key of a new policy."""
        world, cluster = self.world, self.cluster
        self.ctl("policy", "create", "fleet", "names=." + ZONE, f"validation={validation}", "profiles=dv,other")
        key = self.ctl("eab", "create", "fleet")
        secret, issuer = _manifest("eab-secret.yaml"), _manifest("cluster-issuer.yaml")
        secret["stringData"]["secret"] = key["hmac_key"]
        acme = issuer["spec"]["acme"]
        with open(world.pki.ca, "rb") as file:
            acme.update(server=world.directory, caBundle=base64.b64encode(file.read()).decode())
        acme["externalAccountBinding"]["keyID"] = key["id"]
        solver = acme["solvers"][0]
        solver["selector"]["dnsZones"] = [ZONE]
        solver["dns01"]["rfc2136"].update(nameserver=f"127.0.0.1:{world.dns.port}", tsigKeyName=world.dns.KEY)
        if profile:
            acme["profile"] = profile
        cluster.create(SECRETS.format("cert-manager"), secret)
        cluster.create(SECRETS.format("cert-manager"),
                       {"metadata": {"name": "acme-tsig"}, "stringData": {"secret": world.dns.secret}})
        cluster.create(ISSUERS, issuer)

    def ask(self, name, names):
        certificate = _manifest("certificate.yaml")
        certificate["metadata"]["name"] = name
        certificate["spec"].update(secretName=name, dnsNames=names)
        self.cluster.create(CERTIFICATES, certificate)

    def is_ready(self, name, revision=1):
        status = self.cluster.get(f"{CERTIFICATES}/{name}").get("status", {})
        return status.get("revision") == revision and any(
            one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))

    def get(self, name, names, revision=1):
        wait_for(f"{name} in the cluster", lambda: self.is_ready(name, revision), timeout=LONG)
        path = self.cluster.chain(name, self.world.path(f"{name}-{revision}.pem"))
        check_chain(path, self.world.root, names)
        return path

    def renew(self, name):
        """As `cmctl renew` does."""
        certificate = self.cluster.get(f"{CERTIFICATES}/{name}")
        certificate["status"]["conditions"].append({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
                                                    "message": "by a test"})
        self.cluster.put(f"{CERTIFICATES}/{name}/status", certificate)


@pytest.fixture
def fleet(tmp_path, cluster):
    """fleet(issue_delay) -> a Fleet."""
    made = []

    def make(issue_delay=0):
        made.append(Fleet(World(tmp_path, issue_delay=issue_delay, change=_change), cluster))
        return made[0]

    yield make
    for one in made:
        one.close()


def _names(name):
    return [f"{name}.{ZONE}", f"{name}-www.{ZONE}"]


def test_new_and_renewed(fleet):
    one, names = fleet(), _names("new")
    one.bind("trusted")
    one.ask("new", names)
    first = serial_of(one.get("new", names))
    check_sales(one.world, names, 0)
    one.renew("new")
    assert serial_of(one.get("new", names, revision=2)) != first
    check_sales(one.world, names, 1)


def _while_it_waits(one, what):
    """Sectigo takes its time, and meanwhile something happens."""
    names = _names("slow")
    one.bind("trusted")
    one.ask("slow", names)
    wait_bought(one.world, names)
    what()
    assert not one.is_ready("slow")
    hurry(one.world)
    one.get("slow", names)
    check_sales(one.world, names, 0)


def test_slow_upstream(fleet):
    _while_it_waits(fleet(3600), lambda: None)


def test_gateway_killed(fleet):
    one = fleet(3600)

    def kill():
        one.world.kill_gateway()
        one.world.start_gateway()

    _while_it_waits(one, kill)


def test_controller_killed(fleet):
    one = fleet(3600)

    def kill():
        one.cluster.controller.kill()
        one.cluster.start_controller(one.world.dns.port)

    _while_it_waits(one, kill)


def test_fifteen_at_once(fleet):
    one = fleet()
    one.bind("trusted")
    many = {f"many{i}": _names(f"many{i}") for i in range(15)}
    for name, names in many.items():
        one.ask(name, names)
    for name, names in many.items():
        one.get(name, names)
        check_sales(one.world, names, 0)
    assert len(one.world.ledger()) == len(many)


def test_wildcard(fleet):
    one, names = fleet(), [f"*.wild.{ZONE}", f"wild.{ZONE}"]
    one.bind("acme")
    one.ask("wild", names)
    one.get("wild", names)
    assert len(one.world.ledger()) == 1, one.world.ledger()


def test_profile(fleet):
    one, names = fleet(), _names("profile")
    one.bind("trusted", profile="other")
    one.ask("profile", names)
    one.get("profile", names)
    order, = one.ctl("order", "list")["items"]
    assert order["profile"] == "other", order
