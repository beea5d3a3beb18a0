"""A gateway under load for half an hour, and nothing that it uses grows: memory, descriptors, threads and store.

    ACMEGATE_SOAK_MINUTES=1440 ACMEGATE_BUILD=build /usr/bin/python3 -B -m pytest -q -s tests/long/test_soak.py

A few clients renew certificates without a pause. In the first third the gateway is ended and killed over and over; then
one process serves to the end and is reloaded all the time. Ten times it rests, three months go by for gateway and
stand-in, so that what has ended is removed, and it is measured. Sectigo's stand-in loses answers, is slow and forgets to
push throughout. No client of the one process may meet an error, and what is bought is what two and a half years need.
"""

import itertools
import os
import statistics
import threading
import time

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from pki import chain_of, names_of
from test_ctl import ctl_json
from test_housekeeping import _wait_pass, clock  # noqa: F401
from test_reload import _reload
from world import World

MINUTES = float(os.environ.get("ACMEGATE_SOAK_MINUTES", "30"))
CLIENTS, RESTS, WARM_RESTS = 6, 10, 4
PACE_S = 1  # of each client, so that as much is stored before each rest
REST_DAYS, STEP_DAYS = 90, 30  # a clock that jumps by more is not believed
# An order goes with its certificate, which lasts for 200 days. A year is renewed from day 305 on: in the fourth and in the
# eighth rest's renewals.
PURCHASES = 3
KEPT_CONNECTIONS = 4  # to Sectigo, by chance; what leaks does so with each of hundreds of orders or reloads
GROWTH, MEMORY_ROOM, STORE_ROOM = 1.05, 2 << 20, 512 << 10
# Each is mended by asking again, so that every order ends with its certificate.
FAULTS = [("lose-reply-after-accept", {}), ("status-503", {}), ("delay", {"seconds": 0.3}), ("reset-mid-body", {}),
          ("push-drop", {}), ("truncate", {}), ("push-duplicate", {}), ("close-without-reply", {}),
          ("slow", {"seconds": 0.3}), ("html-after-accept", {})]


def _change(config):
    config["log"] = "info"
    config["acme"].update(authorization_lifetime="0s", hold_finalize="2s")
    config["housekeeping"] = {"ended_orders": "7d", "audit": "62d", "every": "1s"}
    for profile in config["profiles"]:
        profile.update(first_poll="2s", poll_interval="2s")


class Lost(Exception):
    """An order that was taken, and ended without its certificate."""


class Client(threading.Thread):
    """Renews the same certificate again and again, with as much patience as real ones have."""

    def __init__(self, world, responder, number, killed):
        super().__init__(daemon=True)
        self.responder, self.killed = responder, killed
        self.names = [f"soak-{number}.{ZONE}"]
        self.acme = AcmeClient(world.directory, world.pki.ca)
        assert self.acme.new_account().status_code == 201
        self.pause, self.resting, self.over = threading.Event(), threading.Event(), threading.Event()
        self.certificates = self.interrupted = 0
        self.wrong = []

    def run(self):
        while not self.over.is_set():
            if self.pause.is_set():
                self.acme.reconnect()
                self.resting.set()
                time.sleep(0.05)
            else:
                self.try_once()

    def try_once(self):
        """While gateways are killed, what a client meets is what clients meet then."""
        may_fail, begun = self.killed.is_set(), time.monotonic()
        try:
            self.renew()
            self.certificates += 1
        except Exception as wrong:  # told in the end
            if may_fail and not isinstance(wrong, Lost):
                self.interrupted += 1
            else:
                self.wrong.append(f"{self.names}: {wrong!r}"[:2000])
            self.acme.reconnect()
        time.sleep(max(0.2, begun + PACE_S - time.monotonic()))

    def renew(self):
        url, order = self.acme.ready_order(self.names, self.responder)
        done = self.acme.finalize(order, make_csr(self.names))
        assert done.status_code == 200, done.text
        order = self.acme.wait(url, ("processing",))
        if order["status"] == "invalid":
            raise Lost(order)
        leaf = chain_of(self.acme.certificate(url))[0]
        assert names_of(leaf) == self.names
        self.responder.seen.clear()


class Soak:
    def __init__(self, world, responder, set_days):
        self.world, self.set_days = world, set_days
        self.killed = threading.Event()
        self.clients = [Client(world, responder, number, self.killed) for number in range(CLIENTS)]
        self.faults, self.sites = itertools.cycle(FAULTS), itertools.count()
        self.reloads = self.restarts = 0
        self.rests = []

    def spoil(self):
        action, more = next(self.faults)
        self.world.set_faults({"endpoint": "*", "action": action, "times": 2, **more})

    def restart(self):
        """By SIGTERM and by SIGKILL in turn."""
        if self.restarts % 2:
            self.world.kill_gateway()
        else:
            self.world.stop_gateway()
        self.world.start_gateway()
        self.restarts += 1

    def reload(self):
        config = self.world.config()
        _change(config)
        config["acme"]["website"] = f"https://{next(self.sites)}.example/"
        assert "acme.website" in _reload(self.world, config)
        self.reloads += 1

    def go_on(self, seconds, disturb, every_s):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.spoil()
            disturb()
            time.sleep(min(every_s, max(0, end - time.monotonic())))

    def stop_clients(self):
        """Each ends what it is at."""
        for client in self.clients:
            client.resting.clear()
            client.pause.set()
        for client in self.clients:
            assert client.resting.wait(180), f"{client.names} does not come to an end"
        self.world.set_faults()

    def go_on_clients(self):
        for client in self.clients:
            client.pause.clear()

    def rest(self):
        """No client, nothing under way, and what has ended is gone: what is used then."""
        self.stop_clients()
        begin = len(self.rests) * REST_DAYS
        for day in range(begin + STEP_DAYS, begin + REST_DAYS + 1, STEP_DAYS):
            self.set_days(day)
            _wait_pass(self.world, day, 2)
        status = ctl_json(self.world, "status")
        self.rests.append({**_uses(self.world.gateway.pid), "store": status["store"]["used_octets"],
                           "orders": status["counts"]["orders"],
                           "certificates": sum(client.certificates for client in self.clients)})
        print(self.rests[-1], flush=True)
        self.go_on_clients()


def _uses(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        lines = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    return {"memory": int(lines["RssAnon"].split()[0]) << 10, "threads": int(lines["Threads"]),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def _check_level(rests):
    """What the later rests use is what the earlier ones did; the first ones are still warming up."""
    warm = rests[WARM_RESTS:]
    early, late = warm[:len(warm) // 2], warm[len(warm) // 2:]
    for what, room in (("memory", MEMORY_ROOM), ("store", STORE_ROOM)):
        before, after = (statistics.median(one[what] for one in part) for part in (early, late))
        assert after <= before * GROWTH + room, (what, [one[what] for one in rests])
    for what, room in (("threads", 0), ("descriptors", KEPT_CONNECTIONS)):
        before, after = (max(one[what] for one in part) for part in (early, late))
        assert after <= before + room, (what, [one[what] for one in rests])


def test_nothing_grows(tmp_path, clock):  # noqa: F811
    world = World(tmp_path, change=_change)
    try:
        with http_responder(world.ports["http01"]) as responder:
            soak = Soak(world, responder, clock)
            _let_run(soak)
        certificates = [client.certificates for client in soak.clients]
        print(f"{sum(certificates)} certificates, {soak.restarts} restarts, {soak.reloads} reloads, "
              f"{sum(client.interrupted for client in soak.clients)} orders interrupted")
        assert [line for client in soak.clients for line in client.wrong] == []
        assert min(certificates) > 10 * MINUTES and min(soak.restarts, soak.reloads) > MINUTES, certificates
        assert [len(world.bought(client.names)) for client in soak.clients] == CLIENTS * [PURCHASES], "all others were free"
        _check_level(soak.rests)
        world.stop_gateway()
        verified = world.run_gateway("--config", world.path("acmegate.yaml"), "--verify-store")
        assert verified.returncode == 0, verified.output
    finally:
        world.close()


def _let_run(soak):
    soak.killed.set()
    for client in soak.clients:
        client.start()
    soak.go_on(MINUTES * 20, soak.restart, 5)
    soak.stop_clients()
    soak.killed.clear()
    soak.go_on_clients()
    for _ in range(RESTS):
        soak.go_on(MINUTES * 40 / RESTS, soak.reload, 2)
        soak.rest()
    for client in soak.clients:
        client.over.set()
    for client in soak.clients:
        client.join(180)
