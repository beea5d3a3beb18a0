"""Who asked for what, and why not: answered from the gateway's log alone, as it is at `log: info`."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from acme_client import AcmeClient, b64, make_csr
from dns_server import ZONE
from test_policy import binding, bound_client, ctl
from world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    def change(config):
        config["log"] = "info"
        config["acme"].update(external_account="required", hold_finalize="10s", limits={"address": 0, "account": 4})
    one = World(tmp_path_factory.mktemp("world"), change=change)
    ctl(one, "policy", "create", "web", "names=.web." + ZONE, "validation=trusted")
    yield one
    one.close()


def new_lines(world, before):
    return [line for line in world.log()[before:] if line["msg"] == "a request is refused"]


@pytest.fixture
def refused(world):
    """refused(status, ask): what the one line says that ask() leaves, where the answer has this status."""
    def one(status, ask):
        before = len(world.gateway.lines)
        answer = ask()
        assert answer.status_code == status, answer.text
        marker = AcmeClient(world.directory, world.pki.ca)
        assert marker.new_account().status_code == 403  # the line of this one comes behind all of what was asked
        world.wait_log(lambda line: line.get("problem") == "externalAccountRequired" and
                       world.log().index(line) >= before)
        lines = new_lines(world, before)[:-1]
        assert len(lines) == 1, lines
        assert lines[0]["level"] == "info"
        assert lines[0]["peer"] == "127.0.0.1"
        assert lines[0]["reason"] == answer.json()["detail"] or "subproblems" in answer.json()
        return lines[0]
    return one


def account_of(client):
    return client.kid.rsplit("/", 1)[1]


def says(line, **members):
    assert {name: line.get(name) for name in members} == members


def test_no_account(world, refused):
    key = ctl(world, "eab", "create", "web")
    client = AcmeClient(world.directory, world.pki.ca)
    wrong = binding(client, {"id": key["id"], "hmac_key": b64(bytes(32))})
    line = refused(403, lambda: client.new_account(externalAccountBinding=wrong))
    says(line, request="newAccount", external_key=key["id"], problem="unauthorized", account=None)
    assert "MAC is wrong" in line["reason"]
    line = refused(403, lambda: client.new_account(
        externalAccountBinding=binding(client, {"id": "nobodys", "hmac_key": key["hmac_key"]})))
    says(line, external_key="nobodys")
    assert "no external account key" in line["reason"]
    assert key["hmac_key"] not in json.dumps(world.log())


def test_no_order(world, refused):
    key = ctl(world, "eab", "create", "web")
    client = bound_client(world, key)
    who = {"account": account_of(client), "external_key": key["id"], "policy": "web", "request": "newOrder"}
    line = refused(400, lambda: client.try_order(["a.other." + ZONE]))
    says(line, **who, names="a.other." + ZONE, problem="rejectedIdentifier")
    line = refused(400, lambda: client.try_order(["b.web." + ZONE, "b.other." + ZONE, "c.other." + ZONE]))
    says(line, **who, names=f"b.web.{ZONE}, b.other.{ZONE}, c.other.{ZONE}", problem="rejectedIdentifier")
    assert "b.other." + ZONE in line["reason"] and "c.other." + ZONE in line["reason"]
    line = refused(400, lambda: client.try_order(["not a name"]))
    says(line, **who, names="not a name")
    line = refused(400, lambda: client.try_order([f"n{i}.web.{ZONE}" for i in range(200)]))
    assert line["names"].startswith("n0.web.") and line["names"].endswith(" more") and len(line["names"]) < 1100
    line = refused(429, lambda: client.try_order(["d.web." + ZONE]))
    says(line, **{**who, "policy": "web"}, problem="rateLimited")


def test_no_certificate(world, refused):
    key = ctl(world, "eab", "create", "web")
    client = bound_client(world, key)
    names = ["e.web." + ZONE]
    url, order = client.new_order(names)
    weak = make_csr(names, rsa.generate_private_key(65537, 1024))
    line = refused(400, lambda: client.finalize(order, weak))
    says(line, account=account_of(client), external_key=key["id"], policy="web", names=names[0], problem="badCSR",
         order=url.rsplit("/", 1)[1])
    assert line["request"].endswith("/finalize") and "1024" in line["reason"]


def test_no_revocation(world, refused):
    owner, stranger = (bound_client(world, ctl(world, "eab", "create", "web")) for _ in range(2))
    names = ["f.web." + ZONE]
    url, order = owner.new_order(names)
    assert owner.finalize(order, make_csr(names)).status_code == 200
    leaf = x509.load_pem_x509_certificate(owner.certificate(url).encode())
    payload = {"certificate": b64(leaf.public_bytes(Encoding.DER))}
    line = refused(403, lambda: stranger.post(stranger.directory["revokeCert"], payload))
    says(line, request="revokeCert", account=account_of(stranger), problem="unauthorized")
    assert int(line["serial"], 16) == leaf.serial_number


def test_no_longer(world, refused):
    key = ctl(world, "eab", "create", "web")
    client = bound_client(world, key)
    assert client.post(client.kid, {"status": "deactivated"}).status_code == 200
    line = refused(401, lambda: client.try_order(["g.web." + ZONE]))
    says(line, request="newOrder", account=account_of(client), external_key=key["id"], problem="unauthorized",
         names="g.web." + ZONE)
    assert "deactivated" in line["reason"]
    other = bound_client(world, key)
    ctl(world, "eab", "disable", key["id"])
    line = refused(403, lambda: other.try_order(["h.web." + ZONE]))
    says(line, account=account_of(other), external_key=key["id"])
    assert "disabled" in line["reason"]


def test_nothing_of_what_a_client_cures_itself(world):
    """A stale nonce is part of the protocol, and what anybody may fetch is asked by everybody."""
    client = bound_client(world, ctl(world, "eab", "create", "web"))
    before = len(world.gateway.lines)
    answer = client.send(client.kid, client.jws(client.kid, None, protected={"nonce": "AAAA"}))
    assert answer.json()["type"].endswith("badNonce")
    assert client.get(world.acme_url + "/wp-login.php").status_code == 404
    assert client.get(world.acme_url + "/acme/renewal-info/nothing").status_code == 400
    assert AcmeClient(world.directory, world.pki.ca).new_account().status_code == 403
    world.wait_log(lambda line: line.get("problem") == "externalAccountRequired" and world.log().index(line) >= before)
    assert len(new_lines(world, before)) == 1


def test_a_wish_that_is_passed_over(world):
    key = ctl(world, "eab", "create", "web")
    client = bound_client(world, key)
    foreign = b64(b"n" * 20) + "." + b64(b"\1")
    answer = client.try_order(["i.web." + ZONE], replaces=foreign)
    assert answer.status_code == 201, answer.text
    line = world.wait_log(lambda line: line.get("replaces") == foreign)
    says(line, level="info", account=account_of(client), names="i.web." + ZONE, external_key=key["id"],
         order=answer.headers["location"].rsplit("/", 1)[1])
    assert "not issued here" in line["msg"]
