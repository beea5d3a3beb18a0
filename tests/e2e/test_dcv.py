"""CNAME_CSR_HASH: the gateway publishes Sectigo's domain control in DNS by itself, and leaves nothing behind."""

import copy
import json
import os
import time

import dns.query
import dns.zone
import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr, problem
from clients import Certbot, Lego
from dns_server import ZONE, DnsServer
from pki import check_chain
from process import run
from sandbox_client import wait_for
from test_ctl import ctl
from world import folder_of

HERE = os.path.dirname(os.path.abspath(__file__))
HOOKS = os.path.abspath(os.path.join(HERE, "..", "..", "deploy", "hooks"))


def records(world):
    """The CNAME records of the zone, owner to target, by zone transfer."""
    transfer = dns.query.xfr("127.0.0.1", ZONE, port=world.dns.port, timeout=10, relativize=False)
    zone = dns.zone.from_xfr(transfer, relativize=False)
    return {str(name): str(rdata.target) for name, _, rdata in zone.iterate_rdatas("CNAME")}


def wait_gone(world, timeout=30):
    """Nothing tells when a record is gone: the zone is read until it is."""
    deadline = time.monotonic() + timeout
    while records(world):
        assert time.monotonic() < deadline, f"{records(world)}: not within {timeout} s"
        time.sleep(0.1)


@pytest.fixture
def dcv_world(make_world):
    """dcv_world(methods=..., hook=..., change=..., **options): a world whose gateway may publish in the zone."""
    def make(methods=("http",), hook=None, change=None, dns_server=("knot", "hmac-sha256"), **options):
        software, algorithm = dns_server

        def edit(config):
            folder = folder_of(config)
            secret_file = os.path.join(folder, software, "tsig-secret")
            port = int(config["validation"]["resolvers"][0].rpartition("@")[2])
            zone = {"zone": ZONE}
            if hook:
                with open(secret_file, encoding="ascii") as file:
                    config["dcv"]["hook"] = {"program": hook(folder, port, algorithm, file.read().strip()),
                                             "timeout": "5s"}
            else:
                zone.update(server=f"127.0.0.1@{port}", tsig_name=DnsServer.KEY, tsig_algorithm=algorithm,
                            tsig_secret_file=secret_file)
            config["dcv"].update(methods=list(methods), zones=[zone])
            if change:
                change(config)
        return make_world(change=edit, dns_server=dns_server, **options)
    return make


def _ready(world, names):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        return (client, *client.ready_order(names, responder))


def _order(world, names, csr=None):
    client, url, order = _ready(world, names)
    assert client.finalize(order, csr or make_csr(names)).status_code == 200
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2


SERVERS = [(software, algorithm) for software in ("knot", "bind") for algorithm in ("hmac-sha256", "hmac-sha512")]


@pytest.mark.parametrize("dns_server", SERVERS, ids="-".join)
def test_wildcard_by_certbot(dcv_world, dns_server):
    _wildcard_by_certbot(dcv_world(dns_server=dns_server), ["*." + ZONE])


def test_wildcard_and_base_name_by_certbot(dcv_world):
    _wildcard_by_certbot(dcv_world(), ["*." + ZONE, ZONE])


def _wildcard_by_certbot(world, names):
    result = Certbot(world).order(names, dns_01=True)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, ["*." + ZONE, ZONE])
    orders = world.ledger()
    assert len(orders) == 1 and orders[0]["product"] in (489, "489"), orders
    wait_gone(world)


def test_wildcard_whose_common_name_is_the_base_name(dcv_world):
    """As lego and acme.sh make them: no wildcard product takes such a CSR."""
    world = dcv_world()
    names = [ZONE, "*." + ZONE]
    result = Lego(world).order(names, dns_01=True)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, names)
    assert len(world.bought(names)) == 1, world.ledger()
    wait_gone(world)


def test_every_name_by_cname_where_that_is_preferred(dcv_world):
    world = dcv_world(methods=["cname", "http"], learn="poll")
    _order(world, ["prefers-cname." + ZONE])
    wait_gone(world)


def test_one_order_mixes_methods(dcv_world):
    world = dcv_world(learn="poll")
    names = ["*.mixed." + ZONE, "mixed." + ZONE, "mixed-other." + ZONE]
    world.dns.update(lambda update: update.add("mixed", 60, "A", "127.0.0.1"))
    result = Certbot(world).order(names, dns_01=True)
    assert result.status == 0, result.output
    check_chain(result.path, world.root, names)
    wait_gone(world)


def test_name_outside_the_zones_is_refused(dcv_world):
    world = dcv_world(methods=["cname"])
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    for name in ("www.other.example", "*.other.example"):
        assert name + ": no DNS zone" in problem(client.try_order([name]), "rejectedIdentifier", 400)["detail"]


def test_same_csr_twice(dcv_world):
    world = dcv_world(methods=["cname"], learn="both")
    names = ["again." + ZONE]
    csr = make_csr(names)
    for _ in range(2):
        _order(world, names, csr)
    assert len(world.bought(names)) == 1, world.ledger()
    wait_gone(world)


def _two_profiles(config):
    """So that the same names are bought twice, at once."""
    _do_not_hold(config)
    config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "dv-two"})


def test_same_csr_in_two_profiles_at_once(dcv_world):
    """The label is shared: the second purchase's record takes the place of the first's, which comes back at its end."""
    world = dcv_world(methods=["cname"], learn="both", change=_two_profiles)
    names = ["shared." + ZONE]
    csr = make_csr(names)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "overtaken", "seconds": 60})
    client, url, order = _ready(world, names)
    assert client.finalize(order, csr).json()["status"] == "processing"
    wait_for("the first purchase on the wire", lambda: json.loads(world._ask_sandbox("/sandbox/faults"))["fired"])
    answer = client.try_order(names, profile="dv-two")
    assert answer.status_code == 201 and answer.json()["status"] == "ready", answer.text
    second_url = answer.headers["location"]
    assert client.finalize(answer.json(), csr).status_code == 200
    assert client.certificate(second_url).count("BEGIN CERTIFICATE") >= 2
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 2, world.ledger()
    wait_gone(world)


@pytest.mark.parametrize("state", ["prepared", "published", "submitting", "submitted", "collected"])
def test_killed_gateway_leaves_no_record(dcv_world, state):
    world = dcv_world(methods=["cname"], learn="both")
    names = [f"killed-{state}." + ZONE]
    client, url, order = _ready(world, names)
    world.stop_gateway()
    world.start_gateway(stop_at=state)
    client.reconnect()
    try:
        client.finalize(order, make_csr(names))
    except requests.exceptions.ConnectionError:
        pass  # it died while it held the reply
    world.wait_gateway_killed()
    world.start_gateway()
    client.reconnect()
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1, world.ledger()
    wait_gone(world)


def _do_not_hold(config):
    """The reply to finalize would wait for what cannot come."""
    config["acme"]["hold_finalize"] = "0s"


def _wrong_secret(config):
    _do_not_hold(config)
    zone = config["dcv"]["zones"][0]
    zone["tsig_secret_file"] += "-wrong"
    with open(os.open(zone["tsig_secret_file"], os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write("d3Jvbmcgc2VjcmV0IHdyb25nIHNlY3JldA==\n")


@pytest.mark.parametrize("dns_server", SERVERS[::3], ids="-".join)
def test_wrong_key_keeps_the_order_processing_and_says_why(dcv_world, dns_server):
    world = dcv_world(methods=["cname"], change=_wrong_secret, dns_server=dns_server)
    names = ["wrong-key." + ZONE]
    client, url, order = _ready(world, names)
    client.finalize(order, make_csr(names))
    line = world.wait_log(lambda line: "cannot be published" in line.get("msg", ""))
    assert "NOTAUTH" in line["reason"] and "TSIG error 16" in line["reason"], line
    assert client.fetch(url).json()["status"] == "processing"
    assert not world.ledger()


def _example_hook(folder, name, **environment):
    """An example of deploy/hooks, told where the server is."""
    path = os.path.join(folder, "hook")
    words = " ".join(f'{variable}="{value}"' for variable, value in environment.items())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexport {words}\nexec "{HOOKS}/{name}" "$@"\n')
    return path


def _nsupdate_hook(folder, port, algorithm, secret):
    key = os.path.join(folder, "hook.key")
    with open(key, "w", encoding="ascii") as file:
        file.write(f'key "{DnsServer.KEY}" {{ algorithm {algorithm}; secret "{secret}"; }};\n')
    return _example_hook(folder, "nsupdate-hook", DNS_SERVER="127.0.0.1", DNS_PORT=port, DNS_KEY_FILE=key)


def _knotc_hook(folder, *_):
    return _example_hook(folder, "knotc-hook", KNOT_SOCKET=os.path.join(folder, "knot", "knot.sock"),
                         KNOT_LOCK=os.path.join(folder, "knotc-hook.lock"))


@pytest.mark.parametrize("hook, dns_server", [(_nsupdate_hook, SERVERS[0]), (_nsupdate_hook, SERVERS[3]),
                                              (_knotc_hook, SERVERS[0])], ids=["nsupdate-knot", "nsupdate-bind", "knotc"])
def test_hook_program(dcv_world, hook, dns_server):
    world = dcv_world(methods=["cname"], hook=hook, dns_server=dns_server)
    _order(world, ["hooked." + ZONE])
    wait_gone(world)


def _leave_a_transaction_open(world):
    """As a hook does that is killed in the middle."""
    done = run(["knotc", "-s", world.path("knot/knot.sock"), "zone-begin", ZONE], world.folder)
    assert done.returncode == 0, done.output


def test_knotc_hook_after_one_that_was_killed(dcv_world):
    world = dcv_world(methods=["cname"], hook=_knotc_hook)
    _leave_a_transaction_open(world)
    _order(world, ["hooked-again." + ZONE])
    wait_gone(world)


def _silent_hook(folder, *_):
    path = os.path.join(folder, "hook")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\necho waiting for the provider\nexec sleep 3600\n")
    return path


def test_hook_that_hangs_is_killed_and_named(dcv_world):
    world = dcv_world(methods=["cname"], hook=_silent_hook, change=_do_not_hold)
    names = ["hangs." + ZONE]
    client, _, order = _ready(world, names)
    client.finalize(order, make_csr(names))
    line = world.wait_log(lambda line: "cannot be published" in line.get("msg", ""))
    assert "was killed after 5000 ms: waiting for the provider" in line["reason"], line


def _prying_hook(folder, *_):
    path = os.path.join(folder, "hook")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="ascii") as file:
        file.write("#!/usr/bin/python3\nimport ctypes\nprint('prying', flush=True)\n"
                   "ctypes.CDLL(None).unshare(0x10000000)\nprint('not confined', flush=True)\nraise SystemExit(1)\n")
    return path


def test_hook_that_calls_what_is_forbidden_is_named(dcv_world):
    """The filter of system calls is that of the programs, too. A build with a sanitizer has none."""
    world = dcv_world(methods=["cname"], hook=_prying_hook, change=_do_not_hold)
    names = ["pries." + ZONE]
    client, _, order = _ready(world, names)
    client.finalize(order, make_csr(names))
    line = world.wait_log(lambda line: "cannot be published" in line.get("msg", ""))
    confined = any(line.get("msg") == "system calls are confined" for line in world.log())
    wanted = "signal 31 (it made a system call that is forbidden to it: see confine): prying" if confined else "status 1"
    assert wanted in line["reason"], line


def _nothing_is_global(config):
    config["dcv"]["global"] = []


def test_name_without_a_global_address_turns_to_cname(dcv_world):
    """Though HTTP is preferred; and the order says what was published."""
    world = dcv_world(methods=["http", "cname"], change=_nothing_is_global, learn="poll")
    names = ["internal-a." + ZONE, "internal-b." + ZONE]
    _order(world, names)
    order, = world.bought(names)
    assert {domain["method"] for domain in order["dcv"]} == {"CNAME_CSR_HASH"}, order["dcv"]
    wait_gone(world)


def test_another_unique_value_is_published(dcv_world):
    world = dcv_world(methods=["cname"], learn="both")
    world.set_settings(ownUniqueValue=True, lookFirstMs=200)
    _order(world, ["another." + ZONE])
    wait_gone(world)


def _unlooked(config):
    _do_not_hold(config)
    config["dcv"]["preflight"] = "off"


def _methods(world, names):
    order, = world.bought(names)
    return {domain["method"] for domain in order["dcv"]}


def test_order_that_waits_while_its_policy_turns_to_cname(dcv_world):
    """Nothing looks before it is sent: what the request names is published first all the same."""
    world = dcv_world(methods=["http"], change=_unlooked, learn="poll")
    ctl(world, "upstream", "pause", "main")
    names = ["turns." + ZONE]
    client, url, order = _ready(world, names)
    assert client.finalize(order, make_csr(names)).status_code == 200
    world.wait_log(lambda line: line.get("msg") == "issuance is held")
    ctl(world, "policy", "set", "default", "dcv_methods=cname")
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _methods(world, names) == {"CNAME_CSR_HASH"}, world.ledger()
    wait_gone(world)


@pytest.mark.parametrize("point, learn", [("submitting-leaves", "poll"), ("submitted", "push")],
                         ids=["sent-again", "looked-at-again"])
def test_order_that_is_under_way_while_the_methods_turn_to_cname(dcv_world, point, learn):
    """Its file is what there is to see: neither the repeated request nor AutoUpdateDCV names a record."""
    def change(config):
        _unlooked(config)
        config["dcv"]["nudge_after"] = "500ms"

    world = dcv_world(methods=["http"], change=change, learn=learn)
    if point == "submitted":  # its first look, before the kill or after, finds another value: only a second one will do
        world.set_settings(ownUniqueValue=True, lookFirstMs=3600000, lookMaxMs=3600000)
    world.stop_gateway()
    world.start_gateway(stop_at=point)
    names = ["under-way." + ZONE]
    client, url, order = _ready(world, names)
    assert client.finalize(order, make_csr(names)).status_code == 200
    world.wait_gateway_killed()
    before = world.change
    world.change = lambda config: (before(config), config["dcv"].update(methods=["cname"]))
    world.write_config()
    world.start_gateway()
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _methods(world, names) == {"HTTP_CSR_HASH"}, world.ledger()
    assert world.requests()["AutoUpdateDCV" if point == "submitted" else "AutoApplyOrder"] == 1
