"""What a finished order leaves in the store: its size, and that tests/bench/growth measures with orders of just this form."""

import json
import os
import re
import subprocess

import pytest
from cryptography import x509

from process import run
from world import World, program

pytestmark = pytest.mark.lmdb("bench/generate writes its files")

ORDERS = 20
# Keys and values of everything that an order leaves, the accounts' own records apart.
OCTETS = 2300


def _tables(store):
    """{table: records, octets of keys, octets of values of an order}, of those that every order has."""
    done = run([program("bench/octets"), store], os.path.dirname(store))
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(\S+) +([\d.]+) +([\d.]+) +([\d.]+) +[\d.]+ +\d+ +\d+ %$", done.stdout, re.M)
    return {name: tuple(map(float, numbers)) for name, *numbers in rows if float(numbers[0]) >= 0.5}


def _place(world, orders):
    done = subprocess.run([program("bench/acmebench"), "--directory", world.directory, "--ca", world.pki.ca, "--domain",
                           "acme.example", "--http01-port", str(world.ports["http01"]), "--accounts", "1",
                           "--orders", str(orders)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _generate(world, store):
    done = run([program("bench/generate"), "--store", store, "--endpoint", world.sandbox_url, "--orders", str(ORDERS),
                "--accounts", "1"], world.folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    try:
        _place(world, ORDERS)
        world.stop_gateway()
        _generate(world, world.path("store-generated"))
        yield world, _tables(world.path("store")), _tables(world.path("store-generated"))
    finally:
        world.close()


def test_an_order_is_small(stored):
    _, real, _ = stored
    assert {"orders", "certificates", "issuances", "subscriptions", "audit"} <= real.keys()
    assert sum(keys + values for _, keys, values in real.values()) <= OCTETS, real


def test_generated_orders_are_as_real_ones(stored):
    _, real, generated = stored
    of_one_day = {"counters", "spending"}  # a record a day, and these orders are of many days
    assert generated.keys() - of_one_day == real.keys() - of_one_day
    for name in real.keys() - of_one_day:
        assert generated[name][0] == real[name][0], name
        for octets in (1, 2):
            assert generated[name][octets] == pytest.approx(real[name][octets], rel=0.1, abs=3), name


def _ask(world, *arguments):
    done = run([program("acmegatectl"), "--socket", world.path("admin.sock"), "--json", *arguments], world.folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _with_generated(config):
    """Which knows nothing of what the stand-in sold before: purchases would rest until that is reconciled."""
    config["store"]["path"] += "-generated"
    config["logins"][0]["report_foreign_order_number"] = False
    config["housekeeping"] = {"ended_orders": "0s"}  # some are more than a year old


def test_a_gateway_goes_on_with_them(stored):
    world, _, _ = stored
    world.change = _with_generated
    world.write_config()
    world.start_gateway()
    assert _ask(world, "status")["counts"]["orders"] == ORDERS
    certificate = _ask(world, "certificate", "list")["items"][0]
    chain = _ask(world, "certificate", "show", certificate["id"])["chain"]
    leaf = x509.load_pem_x509_certificate(chain.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == certificate["names"]
    assert chain.count("BEGIN CERTIFICATE") == 2 and leaf.serial_number == int(certificate["serial_number"].replace(":", ""), 16)
    _place(world, 2)
    status = _ask(world, "status")
    assert status["counts"]["orders"] == ORDERS + 2 and status["issuances"]["collected"] == ORDERS + 2
