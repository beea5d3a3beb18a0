"""Under a service manager: it is told what goes on, hands over sockets, and ends a gateway that is stuck."""

import os
import signal
import threading
import time

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from service_manager import ServiceManager, listening, narrow_pipe

WATCHDOG_US = 800_000


@pytest.fixture
def managed(make_world):
    """managed(**options of ServiceManager) -> the manager of a stopped world's gateway."""
    managers = []

    def make(change=None, sockets=(), **options):
        world = make_world(learn="poll", change=change)
        world.stop_gateway()
        managers.append(ServiceManager(world, [(name, listening(world.ports[port])) for name, port in sockets], **options))
        return managers[-1]

    yield make
    for manager in managers:
        manager.world.stop_gateway()
        manager.close()


def test_it_says_when_it_serves_reloads_and_stops(managed):
    manager = managed()
    manager.start()
    assert requests.get(manager.world.directory, verify=manager.world.pki.ca, timeout=60).status_code == 200
    assert manager.wait_told("READY", "1")["STATUS"]
    before_us = time.monotonic_ns() // 1000
    manager.world.gateway.signal(signal.SIGHUP)
    told = manager.wait_told("RELOADING", "1")
    assert before_us <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    manager.wait_told("READY", "1")
    assert not any("WATCHDOG" in one for one in manager.told)
    manager.world.stop_gateway()
    assert manager.wait_told("STOPPING", "1")["STATUS"]


def test_the_watchdog_is_fed_by_one_that_runs(managed):
    manager = managed(watchdog_us=WATCHDOG_US)
    manager.start()
    for _ in range(3):
        manager.wait_told("WATCHDOG", "1")
    manager.world.gateway.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, manager.world.gateway.pid, os.WSTOPPED | os.WNOWAIT)
    assert not manager.is_fed(2 * WATCHDOG_US / 1e6)
    manager.world.gateway.signal(signal.SIGCONT)
    manager.wait_told("WATCHDOG", "1")


def test_a_stuck_loop_stops_the_feeding(managed):
    """An event loop that waits for who reads its log: the others, and the main thread, go on."""
    manager = managed(watchdog_us=WATCHDOG_US, change=lambda config: config.update(log="info", log_requests=True))
    world = manager.world
    path = world.path("stderr.pipe")
    pipe = narrow_pipe(path)
    manager.start(stderr=path)
    manager.wait_told("READY", "1")
    manager.wait_told("WATCHDOG", "1")
    asking = threading.Event()

    def ask():
        while not asking.is_set():
            try:
                requests.get(world.public_url + "/" + "x" * 1000, timeout=5)
            except requests.RequestException:
                pass

    asker = threading.Thread(target=ask)
    asker.start()
    manager.wait_told("STATUS", "an event loop does not go round")
    asking.set()
    assert not manager.is_fed(2 * WATCHDOG_US / 1e6)
    reader = threading.Thread(target=_read_to_the_end, args=(pipe,))
    reader.start()
    manager.wait_told("WATCHDOG", "1")
    asker.join()
    world.stop_gateway()
    reader.join()
    os.close(pipe)


def _read_to_the_end(pipe):
    os.set_blocking(pipe, True)
    while os.read(pipe, 65536):
        pass


def _order_on_and_on(world, responder, index, ending, outcomes):
    """Orders until it is told to end; a connection of its own for each request, as a fleet of many clients has."""
    client = AcmeClient(world.directory, world.pki.ca)
    client.http.headers["Connection"] = "close"
    client.new_account()
    while not ending.is_set():
        name = f"c{index}-{len(outcomes[index])}.acme.example"
        url, order = client.ready_order([name], responder)
        answer = client.finalize(order, make_csr([name]))
        assert answer.status_code == 200, answer.text
        client.certificate(url)
        outcomes[index].append(name)


def test_a_gateway_is_replaced_and_refuses_no_connection(managed):
    manager = managed(sockets=[("acme", "acme"), ("acmegate.socket", "public")])
    world, ending, outcomes, failures = manager.world, threading.Event(), [[], [], [], []], []
    manager.start()

    def client(index):
        try:
            _order_on_and_on(world, responder, index, ending, outcomes)
        except BaseException as wrong:  # whatever it is, in its thread it would be lost
            failures.append(wrong)

    with http_responder(world.ports["http01"]) as responder:
        threads = [threading.Thread(target=client, args=(index,)) for index in range(len(outcomes))]
        for thread in threads:
            thread.start()
        for replaced in range(1, 4):
            _wait(lambda: failures or all(len(one) >= replaced for one in outcomes))
            world.stop_gateway()
            manager.start()
        ending.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    for name in (name for one in outcomes for name in one):
        assert len(world.bought([name])) == 1, name


def _wait(happened, timeout=120):
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)


def test_a_socket_that_no_listener_has_is_told(managed):
    manager = managed(sockets=[("acme", "acme"), ("metrics", "web")])
    manager.start()
    line = manager.world.wait_log(lambda line: "systemd hands over" in line.get("msg", ""))
    assert line["level"] == "warning" and line["address"] == f"127.0.0.1:{manager.world.ports['web']}"


def test_a_socket_of_another_name_is_not_taken(managed):
    """A socket for the public listener at the address that the ACME one is to have."""
    manager = managed(sockets=[("public", "acme")])
    with pytest.raises(AssertionError, match="in use by another process"):
        manager.start()
    assert manager.world.gateway.wait_end() == 1
    manager.world.gateway = None
