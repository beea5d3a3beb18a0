"""Calls of the gateway that fail at the nth time (failing.c), and a client that does not give up."""

import contextlib
import mmap
import os
import struct
import time

import requests

from acme_client import AcmeClient, b64, make_csr, thumbprint
from process import patience
from world import World, program

# As failing.c has them.
KINDS = ("none", "write", "flush", "truncate", "open", "change", "socket", "connect", "accept", "send", "receive",
         "poll", "log")
FIELDS = ("armed", "nth", "error", "lasting", "seen", "failed")

BROKEN_STATUS = 75  # the store has to be opened anew


class Failing:
    """The other side of struct control."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "failing-calls")
        with open(self.path, "wb") as file:
            file.write(bytes(4 * (len(FIELDS) + len(KINDS))))
        with open(self.path, "r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    def _read(self, number):
        return struct.unpack_from("=I", self._shared, 4 * number)[0]

    def _write(self, field, value):
        struct.pack_into("=I", self._shared, 4 * FIELDS.index(field), value)

    def environment(self):
        return {"LD_PRELOAD": program("e2e/failing.so"), "FAILING_CALLS": self.path,
                "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def counts(self):
        """{kind: calls so far}"""
        return {kind: self._read(len(FIELDS) + number) for number, kind in enumerate(KINDS)}

    def arm(self, kind, nth, error, lasting=False):
        """From now on the nth call of the kind fails with this errno, and with lasting all after it too."""
        self.disarm()
        for field, value in (("nth", nth), ("error", error), ("lasting", lasting), ("seen", 0), ("failed", 0)):
            self._write(field, value)
        self._write("armed", KINDS.index(kind))

    def disarm(self):
        """How many have failed."""
        self._write("armed", 0)
        return self.failed()

    def failed(self):
        return self._read(FIELDS.index("failed"))


def failing_world(folder, **options):
    """(world, Failing)"""
    failing = Failing(str(folder))
    return hurried_world(folder, failing.environment(), **options), failing


def hurried_world(folder, environment, **options):
    """A world whose gateway has this in its environment, and waits for nothing longer than it must."""

    def change(config):
        config["issuance"].update(settle_again="300ms", resend="900ms", later="300ms")
        config["dcv"].update(preflight_retry="300ms")
        config["validation"].update(timeout="2s")
        config["acme"].update(hold_finalize="1s")

    return World(folder, gateway_env=environment, change=change, **options)


class Stubborn:
    """A client that tries again whatever happens to its connection, and starts the gateway again where that has ended
    as it may."""

    def __init__(self, world, may_end=(BROKEN_STATUS,)):
        self.world, self.may_end = world, may_end
        self.client = AcmeClient(world.directory, world.pki.ca)
        self.client.timeout = 10  # longer than any reply is held
        assert self.client.new_account().status_code == 201
        self.ended = []  # exit statuses of the gateway
        self.unanswered = []  # URLs, while it ran on
        self.troubles = 0  # requests without an answer, or with one that asks to come again
        self.starts = True  # the gateway again

    def revive(self):
        gateway = self.world.gateway
        with contextlib.suppress(AssertionError):
            gateway.wait_line(lambda line: False, 0.05)  # one that is ending
        if gateway.is_running() or not self.starts:
            return
        status = gateway.wait_end()
        self.world.note_sanitizer(gateway)
        self.judge_end(gateway, status)
        self.ended.append(status)
        self.world.start_gateway()

    def judge_end(self, gateway, status):
        assert status in self.may_end, f"acmegate ended with status {status}:\n{gateway.tail(60)}"
        assert status != BROKEN_STATUS or "ends, because" in gateway.tail(1000), gateway.tail(60)

    def post(self, url, payload):
        """None where no answer came, or one that asks to come again."""
        try:
            answer = self.client.post(url, payload)
        except requests.RequestException as error:
            self.troubles += 1
            if isinstance(error, requests.Timeout) and self.world.gateway.is_running():
                self.unanswered.append(url)
            self.client.reconnect()
            self.client.forget_nonces()
            self.revive()
            return None
        if answer.status_code >= 500 or answer.status_code == 429:
            self.troubles += 1
            self.revive()
            return None
        return answer

    def prove(self, order, responder):
        for url in order["authorizations"]:
            answer = self.post(url, None)
            authz = answer.json() if answer is not None else {}
            if authz.get("status") != "pending":
                continue
            challenge = next(c for c in authz["challenges"] if c["type"] == "http-01")
            responder.answers["/.well-known/acme-challenge/" + challenge["token"]] = (
                challenge["token"] + "." + thumbprint(self.client.key))
            if challenge["status"] == "pending":
                self.post(challenge["url"], {})

    def obtain(self, names, responder, timeout=60):
        """The certificate of an order that is placed and seen through."""
        order = Order(self, names)
        if not order.see_through(responder, timeout):
            raise AssertionError(f"{names}: no certificate within {timeout} s, the order is {order.seen}:\n"
                                 f"{self.world.gateway.tail(60)}")
        return order.certificate


class Order:
    """An order that a stubborn client wants to see through. What was acknowledged once is there for ever after: an
    order that its client was told of, and that a CSR was accepted for."""

    def __init__(self, stubborn, names):
        self.stubborn, self.names, self.csr = stubborn, names, make_csr(names)
        self.url = self.certificate = self.seen = None
        self.accepted = False

    def see_through(self, responder, timeout):
        """Whether it has come to its end within this time; if not, it can be gone on with."""
        deadline = time.monotonic() + patience(timeout)
        while not self.certificate and time.monotonic() < deadline:
            self._go_on(responder)
            time.sleep(0.02)
        return self.certificate is not None

    def _go_on(self, responder):
        post, new = self.stubborn.post, self.stubborn.client.directory["newOrder"]
        identifiers = [{"type": "dns", "value": name} for name in self.names]
        answer = post(self.url, None) if self.url else post(new, {"identifiers": identifiers})
        if answer is None:
            return
        assert answer.status_code in (200, 201), f"{self.url}: {answer.status_code} {answer.text}"
        order = self.seen = answer.json()
        self.url = self.url or answer.headers["location"]
        if order["status"] == "pending":
            self.stubborn.prove(order, responder)
        elif order["status"] == "ready":
            assert not self.accepted, f"{self.url} has forgotten its CSR"
            answer = post(order["finalize"], {"csr": b64(self.csr)})
            self.accepted = answer is not None and answer.status_code == 200
        elif order["status"] == "valid":
            answer = post(order["certificate"], None)
            assert answer is None or "BEGIN CERTIFICATE" in answer.text, answer.text
            self.certificate = answer.text if answer is not None else None
        elif order["status"] == "invalid":
            assert not self.accepted, f"{self.url} was accepted, and is invalid: {order}"
            self.url = None
