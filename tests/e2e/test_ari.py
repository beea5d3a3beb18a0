"""When to renew, what replaces what, and profiles (RFC 9773, draft-ietf-acme-profiles), through the whole daemon."""

import copy
import datetime

import pytest
from cryptography import x509

from acme_client import AcmeClient, b64, http_responder, make_csr, problem
from dns_server import ZONE
from pki import chain_of
from world import World


def two_profiles(config):
    config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "short", "days": 90})
    config["profiles"][0]["description"] = "Domain validation"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("ari"), change=two_profiles)
    yield world
    world.close()


@pytest.fixture
def responder(world):
    with http_responder(world.ports["http01"]) as one:
        yield one


@pytest.fixture
def client(world):
    one = AcmeClient(world.directory, world.pki.ca)
    assert one.new_account().status_code == 201
    return one


def name_of(certificate):
    """RFC 9773 section 4.1."""
    authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    number = certificate.serial_number
    return b64(authority) + "." + b64(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def issue(client, responder, names, order=None):
    """(order URL, leaf): a certificate that is issued and downloaded."""
    if order is None:
        url, order = client.new_order(names)
    else:
        url, order = order.headers["location"], order.json()
    client.authorize(order, responder)
    assert client.finalize(order, make_csr(names)).status_code == 200
    return url, chain_of(client.certificate(url))[0]


def test_renewal_info(client, responder):
    _, leaf = issue(client, responder, ["info." + ZONE])
    answer = client.get(client.directory["renewalInfo"] + "/" + name_of(leaf))
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["retry-after"]) == 6 * 3600
    start, end = (datetime.datetime.strptime(answer.json()["suggestedWindow"][edge], "%Y-%m-%dT%H:%M:%SZ")
                  for edge in ("start", "end"))
    third = (leaf.not_valid_after - leaf.not_valid_before) / 3
    assert leaf.not_valid_after - third - datetime.timedelta(seconds=1) <= start < end < leaf.not_valid_after
    problem(client.get(client.directory["renewalInfo"] + "/" + b64(b"nobody") + "." + b64(b"\1")), "malformed", 404)
    problem(client.get(client.directory["renewalInfo"] + "/nothing"), "malformed", 400)


def test_a_certificate_is_replaced_once(world, client, responder):
    names = ["replaced." + ZONE]
    _, leaf = issue(client, responder, names)
    first = client.try_order(names, replaces=name_of(leaf))
    assert first.status_code == 201 and first.json()["replaces"] == name_of(leaf), first.text
    second = client.try_order(names, replaces=name_of(leaf))
    assert second.status_code == 201, second.text
    url, _ = issue(client, responder, names, second)
    assert client.fetch(url).json()["replaces"] == name_of(leaf)
    problem(client.try_order(names, replaces=name_of(leaf)), "alreadyReplaced", 409)
    problem(client.try_order(["other." + ZONE], replaces=name_of(leaf)), "malformed", 400)
    other = AcmeClient(world.directory, world.pki.ca)
    assert other.new_account().status_code == 201
    problem(other.try_order(names, replaces=name_of(leaf)), "malformed", 404)
    assert len(world.bought(names)) == 1


def test_pre_authorization(client, responder):
    name = "early." + ZONE
    answer = client.post(client.directory["newAuthz"], {"identifier": {"type": "dns", "value": name}})
    assert answer.status_code == 201, answer.text
    client.answer_challenge(answer.headers["location"], answer.json(), responder)
    _, order = client.new_order([name])
    assert order["status"] == "ready" and order["authorizations"] == [answer.headers["location"]]


def test_profiles(world, client, responder):
    names = ["profile." + ZONE]
    assert client.directory["meta"]["profiles"] == {"dv": "Domain validation", "short": "short"}
    assert client.try_order(names).json()["profile"] == "dv"
    problem(client.try_order(names, profile="none"), "invalidProfile", 400)
    order = client.try_order(names, profile="short")
    assert order.json()["profile"] == "short"
    issue(client, responder, names, order)
    assert len(world.bought(names)) == 1
