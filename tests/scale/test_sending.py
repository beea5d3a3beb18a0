"""What becomes of the owner of the store between its commit that a purchase is on its way and the request itself: it is
killed, or frozen and cut off from the database, so that it knows nothing of who has taken over when it goes on. Whoever
sends, Sectigo is asked to buy once, and the client has its certificate."""

import contextlib
import os
import shutil
import signal
import tempfile
import time

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from chaos_world import wait_for
from dns_server import ZONE
from lanes import Lanes, chosen
from scale_world import MODES, REPLACED, ScaleWorld, finalize_where_it_stops, has_message
from server import SOCKET, running

LEAVES_S = 20     # of the 30 within which a request may leave
SERVED_S = 180    # with the minute after which it is sent again
CASES = {f"{mode}-{end}": (mode, end) for mode in MODES for end in ("killed", "frozen", "frozen-long")}


class Cut(ScaleWorld):
    """The first gateway's way to the database can be taken away, with its connections."""

    def __init__(self, folder, server, **options):
        self.server = server
        self.road = tempfile.mkdtemp(prefix="acmegate-road-")  # the names of sockets are short
        self.socket = os.path.join(self.road, SOCKET)
        os.symlink(os.path.join(server.folder, SOCKET), self.socket)
        super().__init__(folder, server.connection, **options)

    def connection_of(self, name):
        if name != self.names[0]:
            return self.connection
        return f"host={self.road} user=acmegate dbname=postgres application_name={self.schema}"

    def cut(self):
        os.rename(self.socket, self.socket + ".cut")
        self.end_connections()

    def end_connections(self):
        """One that is being made has no name yet, and is ended by a second call."""
        self.server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                        f"'{self.schema}'")

    def mend(self):
        os.rename(self.socket + ".cut", self.socket)

    def close(self):
        super().close()
        shutil.rmtree(self.road)


class Trial:
    def __init__(self, world, end):
        self.world, self.end = world, end
        self.names = [f"{end}.{ZONE}"]
        self.client = AcmeClient(world.directory, world.pki.ca, timeout=5)

    def sent(self):
        return len([call for call in self.world.calls() if call["call"] == "AutoApplyOrder"])

    def finalize(self, responder):
        assert self.client.new_account().status_code == 201
        url, order = self.client.ready_order(self.names, responder)
        finalize_where_it_stops(self.client, order, make_csr(self.names))
        return url

    def fetch(self, url):
        """Also where it meets the one that is frozen, as a balancer does for a moment."""
        until = time.monotonic() + SERVED_S
        while time.monotonic() < until:
            self.client.reconnect()
            with contextlib.suppress(OSError, KeyError):
                return self.client.certificate(url, timeout=SERVED_S)
            time.sleep(0.1)
        raise TimeoutError

    def take_over(self, began):
        self.world.cut()
        wait_for("another owner", lambda: self.world.owner() == "b")
        self.world.end_connections()
        self.world.gateway = self.world.gateways["b"]
        assert self.sent() == 0
        assert time.monotonic() - began < LEAVES_S, "too late to see what leaves late"

    def go_on(self):
        self.world.gateways["a"].signal(signal.SIGCONT)

    def hear(self):
        """Of the other owner, since the database is there again."""
        self.world.mend()
        self.world.ended("a", REPLACED)

    def killed(self, url):
        self.world.ended("a", -signal.SIGKILL)
        assert self.sent() == 0

    def frozen(self, url):
        """It goes on in time: its request leaves, though another one owns the store, which finds what was bought."""
        wait_for("the owner to be frozen", self.world.gateways["a"].is_frozen)
        began = time.monotonic()
        self.take_over(began)
        time.sleep(max(0, LEAVES_S - (time.monotonic() - began)))
        self.go_on()
        wait_for("its request", lambda: self.sent() == 1)
        self.fetch(url)
        self.hear()

    def frozen_long(self, url):
        """It goes on when the other one has sent: its own request does not leave."""
        wait_for("the owner to be frozen", self.world.gateways["a"].is_frozen)
        self.take_over(time.monotonic())
        self.fetch(url)
        self.go_on()
        self.world.gateways["a"].wait_line(has_message("connecting to write"))  # what it has decided instead
        self.hear()

    def run(self, responder):
        url = self.finalize(responder)
        getattr(self, self.end.replace("-", "_"))(url)
        assert self.fetch(url).count("BEGIN CERTIFICATE") >= 2
        assert self.sent() == 1, self.world.calls()
        assert len(self.world.bought(self.names)) == 1, self.world.ledger()


@pytest.fixture(scope="module")
def trials(request, tmp_path_factory):
    tmp_path_factory.getbasetemp()
    lanes = Lanes()
    with running() as server:
        def work(number, cases):
            [case] = cases
            mode, end = CASES[case]
            stop_at = "submitting" if end == "killed" else "freeze:submitting-leaves"
            with lanes.trying(case), contextlib.closing(Cut(tmp_path_factory.mktemp(f"lane{number}"), server, mode=mode,
                                                            stop_first_at=stop_at)) as world:
                with http_responder(world.ports["http01"]) as responder:
                    Trial(world, end).run(responder)

        lanes.run([[case] for case in chosen(request, "test_sending")], work)
    return lanes


@pytest.mark.parametrize("case", CASES)
def test_sending(trials, case):
    outcome = trials.outcome(case)
    assert outcome is None, outcome
