"""A thousand orders in one run of the gateway: what a library does only now and then comes to light. What a sanitizer
found is said when the world ends."""

import collections

from dns_server import ZONE
from process import run
from world import program

ORDERS = 1000


def test_thousand(world):
    bench = run([program("bench/acmebench"), "--directory", world.directory, "--ca", world.pki.ca, "--domain", ZONE,
                 "--http01-port", str(world.ports["http01"]), "--accounts", "10", "--orders", str(ORDERS)],
                world.folder, timeout=1500)
    assert bench.returncode == 0, bench.output
    bought = collections.Counter(tuple(sorted(order["names"])) for order in world.ledger())
    assert len(bought) == ORDERS and set(bought.values()) == {1}, bench.output
