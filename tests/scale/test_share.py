"""Three gateways on one database, all of which serve: whichever a client, Sectigo or an operator meets, and whatever becomes
of the one that owns the store."""

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr, problem
from balancer import is_ready
from chaos_world import short_times, wait_for
from dns_server import ZONE
from process import patience, run
from scale_world import REPLACED, has_message, ordering
from server import running
from world import PUSH_PASSWORD, PUSH_USER, program

ORDERS = 20
HELD_S, TOLD_S = 20, 1.5  # a reply is held; and answered after what it waits for was told, on a busy machine
LIMIT = 4


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


def _share(make_world, server, names=("a", "b", "c"), change=short_times, **options):
    return make_world(server.connection, names=names, mode="share", change=change, **options)


def _pushed_alone(config):
    """Nothing is learned but by a push."""
    short_times(config)
    for profile in config["profiles"]:
        profile.update(first_poll="1h", poll_interval="1h")


def _push(world, name, password=PUSH_PASSWORD, **fields):
    url = f"http://127.0.0.1:{world.own[name]['public']}/push/sectigo"
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=fields, auth=(PUSH_USER, password), timeout=20).status_code


def _client(world, name=None):
    """One that has an account; at this gateway alone where one is named."""
    client = AcmeClient(world.directory, world.pki.ca)
    if name:
        client.http.mount(world.acme_url, At(f"https://127.0.0.1:{world.own[name]['acme']}", world.acme_url))
        client.forget_nonces()
    assert client.new_account().status_code == 201
    return client


class At(requests.adapters.HTTPAdapter):
    """Sends to one gateway what is for the balancer."""

    def __init__(self, to, instead_of):
        self.to, self.instead_of = to, instead_of
        super().__init__()

    def send(self, request, *arguments, **more):
        request.url = request.url.replace(self.instead_of, self.to, 1)
        return super().send(request, *arguments, **more)


def _roles(world, name):
    """Of each gateway that this one knows: its role, by the world's name of it."""
    pids = {str(gateway.pid): known for known, gateway in world.gateways.items()}
    return {pids.get(row["name"].split()[-1], row["name"]): row["role"] for row in world.status(name)["gateways"]}


def _is_owner(world, name):
    return name in world.gateways and _roles(world, name).get(name) == "owner"


def _bought_once(world, names):
    bought = sorted(order["names"][0] for order in world.ledger() if order["kind"] == "purchase")
    assert bought == sorted(names), "lost, or bought twice"


def test_orders_through_all_of_them(server, make_world):
    world = _share(make_world, server)
    assert all(is_ready(world.own[name]["metrics"]) for name in "abc")
    with ordering(world) as fleet:
        fleet.wait_served(9)
    assert all(count > 0 for count in world.balancer.served().values()), world.balancer.served()
    for name in "abc":
        assert _roles(world, name) == {"a": "owner", "b": "serves", "c": "serves"}
        assert {row["configuration"] for row in world.status(name)["gateways"]} == {"equal"}


def test_a_nonce_is_good_once_wherever_it_was_given(server, make_world):
    world = _share(make_world, server)
    clients = {name: _client(world, name) for name in "abc"}
    for giver in "abc":
        for taker in "abc":
            client = clients[taker]
            nonce = clients[giver].nonce()
            body = client.jws(client.kid, None, protected={"nonce": nonce})
            assert client.send(client.kid, body).status_code == 200, (giver, taker)
            for name in "abc":
                answer = clients[name].send(client.kid, body)
                assert "it was used before" in problem(answer, "badNonce", 400)["detail"]
    body = clients["b"].jws(clients["b"].kid, None)
    world.gateways["b"].signal(signal.SIGKILL)  # what a gateway gave outlives it
    world.ended("b", -signal.SIGKILL)
    assert clients["c"].send(clients["b"].kid, body).status_code == 200


@contextlib.contextmanager
def _nobody_is_told(server):
    """It takes what is to be told, and tells nobody: as behind a pooler, or where a server knows no NOTIFY."""
    server.ask("CREATE SCHEMA quiet CREATE TABLE quiet.heard (what text)")
    server.ask("CREATE FUNCTION quiet.pg_notify(text, text) RETURNS void LANGUAGE sql AS "
               "'INSERT INTO quiet.heard VALUES ($2)'")
    server.ask("ALTER ROLE acmegate SET search_path = quiet, pg_catalog")
    try:
        yield
        server.ask("SELECT 1 / count(*) FROM quiet.heard")  # it was asked to tell
    finally:
        server.ask("ALTER ROLE acmegate RESET search_path")
        server.ask("DROP SCHEMA quiet CASCADE")


def test_a_push_and_a_held_finalize_beside_the_owner(server, make_world):
    _push_beside_the_owner(server, make_world)


def test_who_is_not_told_looks(server, make_world):
    """Each second: the owner for what others have stored, and the others for what it has done."""
    with _nobody_is_told(server):
        _push_beside_the_owner(server, make_world)


def _push_beside_the_owner(server, make_world):
    def held(config):
        _pushed_alone(config)
        config["acme"]["hold_finalize"] = f"{HELD_S}s"

    world = _share(make_world, server, change=held, learn="poll", issue_delay=3600)
    names = ["pushed." + ZONE]
    client = _client(world, "b")
    with http_responder(world.ports["http01"]) as responder:
        _, order = client.ready_order(names, responder)
    with ThreadPoolExecutor() as pool:
        finalized = pool.submit(client.finalize, order, make_csr(names))
        bought = wait_for("a purchase", lambda: world.bought(names))[0]
        world.issue_at_once()
        fields = {"orderNumber": bought["orderNumber"], "statusCode": "2", "status": "Issued"}
        assert _push(world, "c", password="wrong", **fields) == 401
        assert _push(world, "c", **fields) == 200
        collected = wait_for("the owner to collect", lambda: next(
            (time.monotonic() for line in world.log() if line.get("msg") == "issuance is collected"), None))
        answer = finalized.result()
    took = time.monotonic() - collected
    assert answer.json()["status"] == "valid", answer.text
    assert took < patience(TOLD_S), f"answered {took} s after it was known"
    _bought_once(world, names)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_the_owner_is_gone_with_orders_under_way(server, make_world, end):
    """Clients of the others notice nothing, and another one goes on with what the owner had begun."""
    world = _share(make_world, server, issue_delay=1)
    names = [f"under-way{i}." + ZONE for i in range(ORDERS)]
    with http_responder(world.ports["http01"]) as responder, ThreadPoolExecutor(ORDERS) as pool:
        client = {name: _client(world, name) for name in "bc"}
        clients = [client["bc"[i % 2]] for i in range(ORDERS)]
        ready = [one.ready_order([name], responder) for one, name in zip(clients, names)]
        for one, (_, order), name in zip(clients, ready, names):
            assert one.finalize(order, make_csr([name])).status_code == 200
        wait_for("purchases", lambda: len(world.ledger()) >= ORDERS // 4)
        world.gateways["a"].signal(end)
        for one, (url, _) in zip(clients, ready):
            assert one.certificate(url, timeout=150).count("BEGIN CERTIFICATE") >= 2
        assert any(_is_owner(world, name) for name in "bc")
    if end == signal.SIGSTOP:
        world.gateways["a"].signal(signal.SIGCONT)
        world.ended("a", REPLACED)
    else:
        world.ended("a", -signal.SIGKILL)
    world.gateway = world.gateways["b"]
    _bought_once(world, names)


def test_a_limit_is_exact_over_all(server, make_world):
    def limited(config):
        short_times(config)
        config["spending"] = {"purchases_per_day": LIMIT}

    world = _share(make_world, server, change=limited)
    names = [f"limited{i}." + ZONE for i in range(3 * LIMIT)]
    with http_responder(world.ports["http01"]) as responder, ThreadPoolExecutor(len(names)) as pool:
        clients = [_client(world, "abc"[i % 3]) for i in range(len(names))]
        ready = [client.ready_order([name], responder) for client, name in zip(clients, names)]
        finalized = [pool.submit(client.finalize, order, make_csr([name]))
                     for client, (_, order), name in zip(clients, ready, names)]
        assert all(answer.result().status_code == 200 for answer in finalized)
    wait_for("the rest to be held", lambda: world.status("b")["issuances"]["held"] == len(names) - LIMIT)
    assert len([order for order in world.ledger() if order["kind"] == "purchase"]) == LIMIT
    assert world.status("c")["spending"]["purchases_today"] == LIMIT


def test_what_only_the_owner_can_do(server, make_world):
    world = _share(make_world, server, names=("a", "b"))
    owner = world.status("b")["gateways"][0]["name"]
    done = run([program("acmegatectl"), "--socket", world.admin_socket("b"), "upstream", "test", "main"], world.folder)
    assert done.returncode != 0 and owner in done.output, done.output
    done = run([program("acmegatectl"), "--socket", world.admin_socket("b"), "upstream", "pause", "main"], world.folder)
    assert done.returncode == 0, done.output
    assert world.status("a")["logins"][0]["state"] == "paused"
    done = run([program("acmegatectl"), "--socket", world.admin_socket("a"), "upstream", "resume", "main"], world.folder)
    assert done.returncode == 0, done.output


def test_a_configuration_that_differs(server, make_world):
    world = _share(make_world, server, names=("a", "b"))
    world.stop_one("b")
    with open(world.path("b.yaml"), encoding="utf-8") as file:
        text = file.read()
    with open(world.path("b.yaml"), "w", encoding="utf-8") as file:
        file.write(text.replace("days: 365", "days: 730"))
    world.start_waiting("b")
    for name in "ab":
        world.gateways[name].wait_line(has_message("has a configuration, or a key file, that is not this one's"))
    assert [world.metric(name, "acmegate_configuration_differs") for name in "ab"] == [1, 1]
    assert {row["role"]: row["configuration"] for row in world.status("b")["gateways"]} == {
        "owner": "equal", "serves": "differs"}
    with open(world.path("b.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    world.gateways["b"].signal(signal.SIGHUP)
    for name in "ab":
        world.gateways[name].wait_line(has_message("all gateways of this store have the same configuration"))
    assert [world.metric(name, "acmegate_configuration_differs") for name in "ab"] == [0, 0]


def test_one_after_the_other_is_replaced_by_a_new_one(server, make_world):
    """As by an update: each in its turn ends what it has begun, and clients that come again are served throughout."""
    world = _share(make_world, server)
    with ordering(world) as fleet:
        for name in "abc":
            fleet.wait_served(2)
            world.stop_one(name)
            wait_for("an owner", lambda: any(_is_owner(world, other) for other in "abc" if other != name))
            fleet.wait_served(2)
            with contextlib.suppress(ValueError):
                world.start_waiting(name)
        fleet.wait_served(2)
    world.gateway = world.gateways["a"]
