"""What stands in the log: one request through all of its lines, who asked, nothing secret, and the forms it is written in;
and what balancers are told."""

import base64
import os
import re
import resource

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE, DnsServer
from loopback import release_port, take_port
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_policy import bound_client
from world import PASSWORD, PUSH_PASSWORD, PUSH_USER, World, folder_of


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A world in which everything has happened that has a secret; .secrets are all of them."""
    def change(config):
        folder = folder_of(config)
        port = int(config["validation"]["resolvers"][0].rpartition("@")[2])
        config["log_requests"] = True
        config["dcv"]["zones"] = [{"zone": ZONE, "server": f"127.0.0.1@{port}", "tsig_name": DnsServer.KEY,
                                   "tsig_algorithm": "hmac-sha256",
                                   "tsig_secret_file": os.path.join(folder, "knot", "tsig-secret")}]
    one = World(tmp_path_factory.mktemp("world"), change=change)
    ctl(one, "policy", "create", "shop", "names=." + ZONE, "validation=trusted", "wildcards=true")
    one.eab = ctl_json(one, "eab", "create", "shop")
    one.client = bound_client(one, one.eab)
    one.order, order = one.client.new_order(["*.wild." + ZONE])
    one.client.finalize(order, make_csr(["*.wild." + ZONE]))
    one.client.certificate(one.order)
    assert one.client.try_order(["elsewhere.example.org"]).status_code == 400
    push = requests.get(one.public_url + "/push/sectigo", auth=(PUSH_USER, "wrong " + PUSH_PASSWORD), timeout=30)
    assert push.status_code == 401
    yield one
    one.close()


def _secrets(world):
    with open(world.path("knot/tsig-secret"), encoding="ascii") as file:
        tsig = file.read().strip()
    with open(world.path("store.key"), "rb") as file:
        key = file.read().strip()
    with open(world.pki.key, encoding="ascii") as file:
        lines = [line for line in file.read().splitlines() if "-----" not in line]
    hmac = world.eab["hmac_key"]
    credentials = f"{PUSH_USER}:{PUSH_PASSWORD}".encode()
    return {"password": PASSWORD, "its form": PASSWORD.replace(" ", "+"), "its other form": PASSWORD.replace(" ", "%20"),
            "push password": PUSH_PASSWORD, "credentials": base64.b64encode(credentials).decode(), "tsig": tsig,
            "external account key": hmac, "seal": base64.b64encode(key).decode().rstrip("="), "seal in hex": key.hex(),
            **{f"TLS key, line {i}": line for i, line in enumerate(lines)}}


def test_nothing_secret(busy):
    with open(busy.path("acmegate.log"), encoding="utf-8", errors="replace") as file:
        text = file.read()
    assert "a request is refused" in text and '"request"' in text
    for name, secret in _secrets(busy).items():
        assert len(secret) >= 8 and secret not in text, name


def _first(lines, msg, **pairs):
    return next(line for line in lines if line.get("msg") == msg and pairs.items() <= line.items())


def test_one_request_through_all_its_lines(busy):
    lines = busy.log()
    accepted = _first(lines, "a CSR is accepted", order=busy.order.rsplit("/", 1)[1], peer="127.0.0.1", policy="shop",
                      external_key=busy.eab["id"])
    caused = {line["msg"] for line in lines if line.get("request_id") == accepted["request_id"]}
    assert {"request", "issuance is submitted", "bought", "issuance is collected"} <= caused
    _first(lines, "bought", account=accepted["account"], policy="shop", login="main")


def test_who_was_refused(busy):
    lines = busy.log()
    refused = _first(lines, "a request is refused", peer="127.0.0.1", policy="shop", external_key=busy.eab["id"])
    _first(lines, "request", request_id=refused["request_id"], status="400")
    ids = [line["request_id"] for line in lines if line.get("msg") == "request"]
    assert len(ids) == len(set(ids))


def test_a_validation_names_its_request(make_world):
    world = make_world()
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["www." + ZONE], responder)
        client.finalize(order, make_csr(["www." + ZONE]))
    client.certificate(url)
    challenge = next(line for line in world.log() if line.get("msg") == "request" and "/challenge/" in line["path"])
    assert world.wait_log(lambda line: line.get("msg") == "validation")["request_id"] == challenge["request_id"]


RFC5424 = re.compile(r'<(\d+)>1 (\S+Z) \S+ acmegate \d+ - (-|\[acmegate@32473(?: \w+="(?:[^"\\\]]|\\["\\\]])*")+\]) (.+)')


def test_rfc5424(make_world):
    world = make_world()
    world.stop_gateway()
    world.change = lambda config: config.update(log_format="rfc5424", log="info")
    world.write_config()
    world.start_gateway(wait=False)
    world.gateway.wait_line(lambda line: line.endswith("] ready"))
    for line in list(world.gateway.lines):
        match = RFC5424.fullmatch(line)
        assert match and match.group(1) in ("30", "28", "27"), line


# ---- what balancers are told ----

@pytest.fixture
def watched(make_world):
    port = take_port()
    world = make_world(change=lambda config: config.update(metrics={"listen": [f"127.0.0.1:{port}"]}))
    world.metrics_url = f"http://127.0.0.1:{port}"
    yield world
    release_port(port)


def _ask(world, path, **more):
    session = requests.Session()
    session.trust_env = False
    urls = (world.metrics_url + path, world.acme_url + path)
    return [session.get(url, verify=world.pki.ca, timeout=30, **more) for url in urls]


def _answers(world, path):
    return {(answer.status_code, answer.text) for answer in _ask(world, path)}


def test_health(watched):
    assert _answers(watched, "/healthz") == {(200, "ok\n")}
    assert _answers(watched, "/readyz") == {(200, "ready\n")}
    assert requests.post(watched.metrics_url + "/readyz", timeout=30).status_code == 405
    assert requests.get(watched.metrics_url + "/", timeout=30).status_code == 404
    assert requests.get(watched.public_url + "/readyz", timeout=30).status_code == 404


@pytest.mark.lmdb("its disk")
def test_not_ready_while_the_disk_is_full(watched):
    resource.prlimit(watched.gateway.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    wait_for("503", lambda: _answers(watched, "/readyz") == {(503, "the store takes no write\n")})
    assert _answers(watched, "/healthz") == {(200, "ok\n")}
    resource.prlimit(watched.gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for("200", lambda: _answers(watched, "/readyz") == {(200, "ready\n")})


def test_asking_often_writes_seldom(watched):
    """Otherwise anybody could wear the disk out."""
    _ask(watched, "/readyz")
    before = ctl_json(watched, "status")["store"]["commits"]
    for _ in range(50):
        assert _answers(watched, "/readyz") == {(200, "ready\n")}
    assert ctl_json(watched, "status")["store"]["commits"] - before < 25
