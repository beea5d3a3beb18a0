"""The database hangs, or is not what the configuration says: clients get an answer in time, and operators one clear line."""

import contextlib
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from acme_client import URN, AcmeClient, b64, http_responder, make_csr
from balancer import is_ready
from chaos_world import wait_for
from database import Pair
from dns_server import ZONE
from loopback import release_port, take_port
from pki import ListenerPki
from process import run
from scale_world import ordering
from server import running
from world import program

ANSWER_S = 16  # what a client waits for at most; and what a busy machine takes
KNOWN_S = 2    # the same once it is known
HUNG_S = 55    # a standby; each ten seconds of it somebody asks on a new connection what became of a change
LEFT_MAX = 3   # connections of old that the server may still have meanwhile


@pytest.fixture(scope="module")
def server():
    with running() as one:
        yield one


def _says_away(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) <= 30
    problem = answer.json()
    assert problem["type"] == URN + "serverInternal" and "database does not answer" in problem["detail"], problem


def _in_time(took_s, most_s):
    assert took_s < most_s, f"an answer: not within {most_s} s, but {took_s}"


def _timed(function, *arguments):
    began = time.monotonic()
    return function(*arguments), time.monotonic() - began


def _served(ask, *arguments):
    """None where the balancer knows nobody who is ready yet: each thread of a gateway finds out for itself."""
    with contextlib.suppress(requests.ConnectionError):
        return ask(*arguments)
    return None


@pytest.fixture
def pair():
    one = Pair()
    yield one
    one.close()


def test_standby_that_hangs(pair, make_world):
    """No commit is acknowledged for as long as it does; then all goes on. Connections that were given up meanwhile do not
    fill the server."""
    primary = pair.servers[pair.primary]
    world = make_world(primary.connection)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    client.keep_nonces(2)
    before = primary.connections()
    pair.hold_back()
    with ThreadPoolExecutor() as pool:
        new = {"identifiers": [{"type": "dns", "value": "hangs-too." + ZONE}]}
        asked = pool.submit(client.post, client.directory["newOrder"], new)
        time.sleep(HUNG_S)
        left = primary.connections() - before
        primary.thaw()
        asked.exception()  # any answer is right, or none
    assert left <= LEFT_MAX, f"{left} more connections than before"
    wait_for("it to be ready again", lambda: is_ready(world.own["a"]["metrics"]))
    client.reconnect()
    names = ["goes-on." + ZONE]
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
        assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2


def test_database_that_hangs(server, make_world):
    """First those who have asked it wait until it is clear that it does not answer, then nobody does."""
    world = make_world(server.connection)
    names = ["hangs." + ZONE]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    client.keep_nonces(8)  # there may be none later
    new = {"identifiers": [{"type": "dns", "value": "new." + ZONE}]}

    def post(to, payload):
        """To the gateway itself: the balancer lets nobody through who is not ready."""
        direct = to.replace(world.acme_url, f"https://127.0.0.1:{world.own['a']['acme']}")
        return client.send(direct, client.jws(to, payload))

    server.freeze()
    try:
        with ThreadPoolExecutor() as pool:
            for asked in [pool.submit(_timed, post, url, None), pool.submit(_timed, post, client.directory["newOrder"], new)]:
                answer, took = asked.result()
                _says_away(answer)
                _in_time(took, ANSWER_S)
        for what in ((url, None), (client.directory["newOrder"], new)):
            answer, took = _timed(post, *what)
            _says_away(answer)
            _in_time(took, KNOWN_S)
        assert not is_ready(world.own["a"]["metrics"])
        assert world.health("a")[0] == (200, "ok\n")
    finally:
        server.thaw()
    csr = make_csr(names)
    finalized = wait_for("the balancer to let somebody through", lambda: _served(client.finalize, order, csr))
    assert finalized.status_code == 200
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1
    assert world.health("b")[1][0] == 503, "the owner has answered again, and keeps the store"


def test_commits_that_hang(server, make_world):
    """A standby that is waited for is away: reads go on, and what became of a change is not known. The client is told to
    come again, and what it asked for is done once."""
    world = make_world(server.connection)
    names = ["standby." + ZONE]
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
    client.keep_nonces(2)
    direct = order["finalize"].replace(world.acme_url, f"https://127.0.0.1:{world.own['a']['acme']}")
    csr = make_csr(names)
    server.ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.ask("SELECT pg_reload_conf()")
    try:
        answer, took = _timed(client.send, direct, client.jws(order["finalize"], {"csr": b64(csr)}))
        _says_away(answer)
        _in_time(took, ANSWER_S)
        assert world.bought(names) == []
    finally:
        server.ask("ALTER SYSTEM RESET synchronous_standby_names")
        server.ask("SELECT pg_reload_conf()")
    finalized = wait_for("the balancer to let somebody through", lambda: _served(client.finalize, order, csr))
    assert finalized.status_code == 200, finalized.text
    assert client.certificate(url).count("BEGIN CERTIFICATE") >= 2
    assert len(world.bought(names)) == 1
    assert world.health("b")[1][0] == 503


# ---- a database that is not what the configuration says ----

TLS = "hostaddr=127.0.0.1 port={port} user=gateway sslmode=verify-full sslrootcert={ca} passfile={passfile}"
WRONG = {  # what is put in the place of what, and what the one line has to say
    "another authority": ("sslrootcert={ca}", "sslrootcert={other}", "certificate verify failed"),
    "another host": ("host=localhost", "host=db.example.org", "does not match host name"),
    "no such database": ("dbname=postgres", "dbname=missing", "does not exist"),
    "no such user": ("user=gateway", "user=stranger", "authentication failed"),
    "without TLS": ("sslmode=verify-full", "sslmode=disable", "no pg_hba.conf entry"),
    "nobody there": ("port={port}", "port={free}", "Connection refused"),
}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server that wants TLS and a password, and how to reach it, as a dictionary for TLS."""
    folder = tmp_path_factory.mktemp("tls")
    pki, other = ListenerPki(str(folder)), ListenerPki(str(tmp_path_factory.mktemp("other")))
    port, free = take_port(), take_port()
    with running() as one:
        for name in ("certificate", "key"):
            path = os.path.join(one.data, name)
            shutil.copyfile(getattr(pki, name), path)
            os.chmod(path, 0o600)
            os.chown(path, os.stat(one.data).st_uid, -1)
        with open(os.path.join(one.data, "pg_hba.conf"), "w", encoding="ascii") as file:
            file.write("local all acmegate trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        one.stop()
        one.settings = ("ssl=on", "ssl_cert_file=certificate", "ssl_key_file=key", f"port={port}",
                        "listen_addresses=127.0.0.1")
        one.start()
        one.ask("CREATE ROLE gateway LOGIN PASSWORD 'open sesame'", port)
        one.ask("GRANT CREATE ON DATABASE postgres TO gateway", port)
        passfile = folder / "pgpass"
        with open(os.open(passfile, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("*:*:*:*:open sesame\n")
        yield {"port": port, "free": free, "ca": pki.ca, "other": other.ca, "passfile": passfile}
    release_port(port)
    release_port(free)


def _reach(tls, was="", instead=""):
    connection = "host=localhost dbname=postgres " + TLS
    assert was in connection
    return connection.replace(was, instead).format(**tls) if was else connection.format(**tls)


def test_database_over_tls(tls, make_world):
    """It is what is asked for, and then what is wrong with it stops the start with one line."""
    world = make_world(_reach(tls), names=("a",))
    with ordering(world, clients=1) as fleet:
        fleet.wait_served(1)
    world.stop_one("a")
    for what, (was, instead, says) in WRONG.items():
        world.connection = _reach(tls, was, instead)
        world.write_config()
        for check in ([], ["--check-config"]):
            began = time.monotonic()
            done = run([program("acmegate"), *check, "--config", world.path("a.yaml")], world.folder)
            _in_time(time.monotonic() - began, KNOWN_S)
            assert done.returncode == 1, (what, done.output)
            lines = [line for line in done.output.splitlines() if '"warning"' not in line and "WARNING" not in line]
            assert len(lines) == 1 and says in lines[0] and "store.postgresql" in lines[0], (what, done.output)
