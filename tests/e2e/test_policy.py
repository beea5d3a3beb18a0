"""Policies and external account keys, from acmegatectl to certbot and lego: required, bound, trusted, disabled."""

import base64
import hashlib
import hmac
import json
import os
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from acme_client import AcmeClient, b64, make_csr, problem
from clients import CLIENTS
from dns_server import ZONE
from pki import chain_of
from process import clean_environment
from world import program


def ctl(world, *words, status=0):
    done = subprocess.run([program("acmegatectl"), "--socket", world.path("admin.sock"), "--json", *words], text=True,
                          env=clean_environment(), timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, (words, done.stdout, done.stderr)
    return done.stderr if status else json.loads(done.stdout)


def binding(client, key, digest="sha256", **changed):
    """externalAccountBinding for the client's key. changed: members of its header to change."""
    url = client.directory["newAccount"]
    start = b64(json.dumps({"alg": "HS" + digest[3:], "kid": key["id"], "url": url, **changed}).encode())
    text = b64(json.dumps(client.key.jwk()).encode())
    secret = base64.urlsafe_b64decode(key["hmac_key"] + "=")
    mac = hmac.new(secret, f"{start}.{text}".encode(), getattr(hashlib, digest)).digest()
    return {"protected": start, "payload": text, "signature": b64(mac)}


def bound_client(world, key, digest="sha256"):
    client = AcmeClient(world.directory, world.pki.ca)
    answer = client.new_account(externalAccountBinding=binding(client, key, digest))
    assert answer.status_code == 201, answer.text
    return client


def wait_issuance(world, order_url, state):
    """Other orders of this world have held and refused issuances, too."""
    order = order_url.rsplit("/", 1)[1]
    world.wait_log(lambda line: line.get("msg") == "issuance is " + state and line.get("order") == order)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from world import World
    one = World(tmp_path_factory.mktemp("world"),
                change=lambda config: config["acme"].update(external_account="required", hold_finalize="1s"))
    ctl(one, "policy", "create", "web", "names=." + ZONE)
    ctl(one, "policy", "create", "inside", f"names=.{ZONE}", "validation=trusted")
    yield one
    one.close()


def test_required_and_said_so(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.directory["meta"]["externalAccountRequired"] is True
    problem(client.new_account(), "externalAccountRequired", 403)


@pytest.mark.parametrize("policy", ["web", "inside"])
@pytest.mark.parametrize("name", ["certbot", "lego"])
def test_clients_bind_and_get_a_certificate(world, name, policy):
    """Where the policy trusts, the client finds its authorization valid and meets no challenge."""
    key = ctl(world, "eab", "create", policy, "note=for " + name)
    words = {"certbot": ["--eab-kid", key["id"], "--eab-hmac-key", key["hmac_key"]],
             "lego": ["--eab", "--kid", key["id"], "--hmac", key["hmac_key"]]}[name]
    client = CLIENTS[name](world)
    client.folder = world.path(f"{name}-{policy}")  # an account of its own
    os.makedirs(client.folder)
    names = [f"{policy}-{name}." + ZONE]
    done = client.order(names, more=words)
    assert done.status == 0, done.output
    assert len(world.bought(names)) == 1
    shown = ctl(world, "eab", "show", key["id"])
    assert shown["accounts"] == 1 and "hmac_key" not in shown


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_stronger_macs(world, digest):
    bound_client(world, ctl(world, "eab", "create", "web"), digest)


def test_a_policy_holds_its_names(world):
    client = bound_client(world, ctl(world, "eab", "create", "web"))
    answer = client.try_order(["shop." + ZONE, "elsewhere.example", "nowhere.example"])
    problem(answer, "rejectedIdentifier", 400)
    assert [sub["identifier"]["value"] for sub in answer.json()["subproblems"]] == ["elsewhere.example",
                                                                                    "nowhere.example"]


def test_trusted_accounts_get_certificates_without_a_challenge(world):
    client = bound_client(world, ctl(world, "eab", "create", "inside"))
    names = ["trusted." + ZONE]
    url, order = client.new_order(names)
    assert order["status"] == "ready"
    authz = client.fetch(order["authorizations"][0]).json()
    challenge, = authz["challenges"]
    assert (authz["status"], challenge["status"], challenge["type"]) == ("valid", "valid", "http-01")
    assert challenge["validated"]
    assert client.finalize(order, make_csr(names)).status_code == 200
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1


def test_neither_an_edit_nor_another_key_buys_anew(world):
    ctl(world, "policy", "create", "steady", f"names=.{ZONE}", "validation=trusted")
    names = ["steady." + ZONE]
    for step in ("the first", "another key", "an edit", "a key moved to it"):
        if step == "an edit":
            ctl(world, "policy", "set", "steady", "orders_per_day=100", f"names=.{ZONE},.elsewhere.example")
        key = ctl(world, "eab", "create", "web" if "moved" in step else "steady")
        client = bound_client(world, key)
        if "moved" in step:
            ctl(world, "eab", "set", key["id"], "policy=steady")
        url, order = client.new_order(names)
        assert order["status"] == "ready"
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert "BEGIN CERTIFICATE" in client.certificate(url)
        assert len(world.bought(names)) == 1, step


def test_an_order_that_its_policy_no_longer_allows_is_not_bought(world):
    ctl(world, "policy", "create", "shrinking", f"names=.{ZONE}", "validation=trusted")
    client = bound_client(world, ctl(world, "eab", "create", "shrinking"))
    names = ["shrunk." + ZONE]
    ctl(world, "upstream", "pause", "main")
    try:
        url, order = client.new_order(names)
        assert client.finalize(order, make_csr(names)).json()["status"] == "processing"
        ctl(world, "policy", "set", "shrinking", f"names=kept.{ZONE}")
    finally:
        ctl(world, "upstream", "resume", "main")
    order = client.wait(url, ("processing",))
    assert order["status"] == "invalid" and order["error"]["type"].endswith(":unauthorized")
    assert world.bought(names) == []
    ctl(world, "policy", "set", "shrinking", f"names=.{ZONE}")
    url, order = client.new_order(names)
    assert client.finalize(order, make_csr(names)).status_code == 200
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert len(world.bought(names)) == 1


def test_trust_revokes_others_certificates_only_where_the_policy_says_so(world):
    ctl(world, "policy", "create", "revoking", f"names=.{ZONE}", "validation=trusted")
    owner, other = (bound_client(world, ctl(world, "eab", "create", "revoking")) for _ in range(2))
    names = ["revoked-by-trust." + ZONE]
    url, order = owner.new_order(names)
    assert owner.finalize(order, make_csr(names)).status_code == 200
    leaf = chain_of(owner.certificate(url))[0]
    assert other.new_order(names)[1]["status"] == "ready"
    asked = {"certificate": b64(leaf.public_bytes(serialization.Encoding.DER))}
    problem(other.post(other.directory["revokeCert"], asked), "unauthorized", 403)
    ctl(world, "policy", "set", "revoking", "revoke_others=true")
    assert other.post(other.directory["revokeCert"], asked).status_code == 200


def test_a_disabled_key_stops_its_accounts_at_once_and_buys_nothing(world):
    key = ctl(world, "eab", "create", "inside")
    client = bound_client(world, key)
    names = ["disabled." + ZONE]
    url, order = client.new_order(names)
    ctl(world, "upstream", "pause", "main")
    try:
        assert client.finalize(order, make_csr(names)).json()["status"] == "processing"
        wait_issuance(world, url, "held")
        ctl(world, "eab", "disable", key["id"])
        problem(client.post(url, None), "unauthorized", 403)
        problem(client.try_order(names), "unauthorized", 403)
    finally:
        ctl(world, "upstream", "resume", "main")
    wait_issuance(world, url, "refused")
    ctl(world, "eab", "enable", key["id"])
    order = client.wait(url, ("processing",))
    assert order["status"] == "invalid" and "disabled" in order["error"]["detail"]
    assert world.bought(names) == []


def test_a_policy_in_use_stays(world):
    ctl(world, "policy", "create", "old", "names=*")
    key = ctl(world, "eab", "create", "old")
    assert key["id"] in ctl(world, "policy", "delete", "old", status=1)
    ctl(world, "eab", "set", key["id"], "policy=web")
    ctl(world, "policy", "delete", "old")
    ctl(world, "policy", "show", "old", status=4)
    assert "no profile" in ctl(world, "policy", "set", "web", "profiles=gold", status=1)
    assert "no such member" in ctl(world, "policy", "set", "web", "colour=red", status=1)


@pytest.mark.lmdb("looks into its file")
def test_secrets_stay_out_of_log_and_store(world):
    key = ctl(world, "eab", "create", "web", "id=findable-key")
    secret = base64.urlsafe_b64decode(key["hmac_key"] + "=")
    assert not [line for line in world.gateway.lines if key["hmac_key"] in line]
    with open(world.path("store/data.mdb"), "rb") as store:
        data = store.read()
    assert b"findable-key" in data and secret not in data and key["hmac_key"].encode() not in data
    plain = subprocess.run([program("acmegatectl"), "--socket", world.path("admin.sock"), "eab", "create", "web"],
                           text=True, env=clean_environment(), timeout=60, stdout=subprocess.PIPE, check=True).stdout
    for word in ("certbot register", "--eab-kid", "lego --server", "acme.sh --register-account", "ClusterIssuer"):
        assert word in plain


def test_the_key_file_must_fit(make_world):
    one = make_world()
    ctl(one, "policy", "create", "web", "names=*")
    ctl(one, "eab", "create", "web")
    one.stop_gateway()
    key_file = one.path("store.key")
    assert os.stat(key_file).st_mode & 0o777 == 0o600
    os.rename(key_file, key_file + ".away")
    done = one.run_gateway("--config", one.path("acmegate.yaml"))
    assert done.returncode != 0 and "restore it" in done.output and not os.path.exists(key_file)
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(bytes(32))
    done = one.run_gateway("--config", one.path("acmegate.yaml"))
    assert done.returncode != 0 and "does not fit this store" in done.output
    os.rename(key_file + ".away", key_file)
    os.chmod(key_file, 0o640)
    done = one.run_gateway("--config", one.path("acmegate.yaml"))
    assert done.returncode != 0 and "chmod 600" in done.output
    os.chmod(key_file, 0o600)
    one.start_gateway()
