"""Fifty clients without patience: each waits a second, gives up, and comes back with another key, while Sectigo takes
twenty (five in the shortened range). One purchase for each set of names, and whoever keeps coming back gets a
certificate."""

import contextlib
import random
import threading
import time

import requests
from cryptography.hazmat.primitives.asymmetric import ec

from chaos_world import WAIT_S, ZONE, ChaosWorld, check_agreement, public_octets, wait_for
from acme_client import AcmeClient, make_csr
from cryptography import x509
from engines import IS_LMDB
from lanes import FULL, SLOW, share

CLIENTS = share(50, 50)
SETS = max(2, CLIENTS // 5)  # of names: five accounts for each
SECTIGO_S = 20 if FULL else 5
PATIENCE_S = 1 if IS_LMDB and not SLOW else 3


def _names(number):
    """Sets of one to three names, some of which share names with others."""
    return [f"{word}{number}.{ZONE}" for word in ("fleet", "www.fleet", "api")[:1 + number % 3]]


class Client:
    """Behaviours by number: finalizes once; twice at once with one CSR; with two CSRs at once; again and again."""

    def __init__(self, world, number, responder):
        self.number, self.responder = number, responder
        self.names = _names(number % SETS)
        self.acme = AcmeClient(world.directory, world.pki.ca)
        assert self.acme.new_account().status_code == 201
        self.world, self.runs, self.key, self.chain, self.problem = world, 0, None, None, None
        self.random = random.Random(number)

    def finalize(self, order, csr):
        """From a session of its own, as a second process of the same client would."""
        other = AcmeClient(self.world.directory, self.world.pki.ca)
        other.key, other.kid, other.timeout = self.acme.key, self.acme.kid, PATIENCE_S
        with contextlib.suppress(requests.exceptions.RequestException), other.http:
            answer = other.finalize(order, csr)
            # 403: another CSR was first.
            assert answer.status_code in (200, 403), answer.text
            return answer.status_code
        return None

    def run_once(self):
        """True with a certificate."""
        self.runs += 1
        answer = self.acme.try_order(self.names)
        if answer.status_code == 429 or answer.json().get("type", "").endswith(":rateLimited"):
            time.sleep(0.5)  # too many wait for these names already: a real client waits for Retry-After
            return False
        assert answer.status_code == 201, answer.text
        url, order = answer.headers["location"], answer.json()
        self.acme.authorize(order, self.responder)
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        csrs = [make_csr(self.names, key) for key in keys]
        calls = [(order, csrs[0])] * (2 if self.number % 4 == 1 else 1)
        if self.number % 4 == 2:
            calls.append((order, csrs[1]))
        threads = [threading.Thread(target=self.try_finalize, args=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.problem:
            raise self.problem
        return self.wait(url, order, keys, csrs)

    def try_finalize(self, order, csr):
        try:
            self.finalize(order, csr)
        except AssertionError as problem:
            self.problem = problem

    def wait(self, url, order, keys, csrs):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            now = self.acme.fetch(url).json()
            assert now["status"] in ("processing", "valid"), now
            if now["status"] == "valid":
                self.chain = self.acme.fetch(now["certificate"]).text
                self.key = keys
                return True
            if self.number % 4 == 3:
                self.finalize(order, csrs[0])
            time.sleep(0.1 + 0.1 * self.random.random())
        return False

    def run(self):
        try:
            end = time.monotonic() + SECTIGO_S + WAIT_S
            while not self.run_once():
                assert time.monotonic() < end, f"client {self.number} has no certificate after {self.runs} runs"
            leaf = x509.load_pem_x509_certificate(self.chain.encode())
            assert public_octets(leaf.public_key()) in [public_octets(key.public_key()) for key in self.key]
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert sorted(names.get_values_for_type(x509.DNSName)) == sorted(self.names)
        except BaseException as problem:  # told by the test
            self.problem = problem


def _hurry(world):
    """Once the names are validated Sectigo is quick: twenty seconds are what the first time takes."""
    wait_for("all purchases", lambda: len(world.ledger()) >= SETS)
    wait_for("all purchases issued", lambda: all(order["state"] != "ready" for order in world.ledger()
                                                 if order["kind"] == "purchase"))
    world.settings(issueDelayMs=0)


def _hold(config):
    config["acme"]["hold_finalize"] = "2s"  # longer than anybody waits
    config["validation"]["timeout"] = "30s"  # all of them have one web server, and it is slow on a busy machine


def test_impatient_fleet(make_world):
    world = make_world(ChaosWorld, learn="both", issue_delay=SECTIGO_S, change=_hold)
    with world.responder() as responder:
        clients = [Client(world, number, responder) for number in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        _hurry(world)
        for thread in threads:
            thread.join()
    problems = [f"client {client.number}: {client.problem!r}" for client in clients if client.problem]
    assert not problems, "\n".join(problems)
    for number in range(SETS):
        assert len(world.bought(_names(number))) == 1, world.sold(_names(number))
    assert sum(order["kind"] == "purchase" for order in world.ledger()) == SETS
    assert max(client.runs for client in clients) > 1, "nobody had to come back"
    check_agreement(world)
