"""Every metric of the manual is scraped from a gateway at work, and moves; promtool reads the text without a word."""

import copy
import datetime
import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import requests
from cryptography import x509

from acme_client import AcmeClient, b64, http_responder, make_csr
from dns_server import ZONE, DnsServer
from engines import IS_LMDB
from loopback import release_port, take_port
from process import TESTS, clean_environment, patience
from scrape import manual, names_of, scrape
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_endings import _hidden, _wait_order
from test_money import _buy
from test_policy import bound_client
from world import World, folder_of

MANUAL = os.path.join(TESTS, "..", "deploy", "manual", "metrics.md")
# What stands still by its nature, and what it says in this world.
STILL = {"acmegate_build_info": 1, "acmegate_store_size_bytes": 256 * 2**20 * IS_LMDB, "acmegate_purchases_limit": 50,
         "acmegate_login_low_credit": 100, "acmegate_spending_limit": 5000.5, "acmegate_owner": 1,
         "process_max_fds": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
         **({"acmegate_backup_every_seconds": 1} if IS_LMDB else {})}
# The same, and looked at by a test of their own (tests/scale/test_share.py: alone it has no value).
DATED = {"acmegate_configuration_differs", "acmegate_tls_certificate_expiry_timestamp_seconds", "process_start_time_seconds"}
# With PostgreSQL room and backups are the server's.
OTHERS = set() if IS_LMDB else {"acmegate_backup_every_seconds", "acmegate_backups_total", "acmegate_store_used_bytes",
                                "acmegate_backup_last_success_timestamp_seconds"}


class Watched:
    """A world with a metrics listener, and every state that each metric was seen in."""

    def __init__(self, folder):
        self.port, self.seen, self.started = take_port(), {}, time.time()
        self.clock = os.path.join(folder, "clock")
        with open(self.clock, "wb") as file:
            file.write(bytes(8))
        os.environ["ACMEGATE_DEBUG_CLOCK"] = self.clock
        try:
            self.world = World(folder, learn="push", issue_delay=1, change=self.change)
        finally:
            del os.environ["ACMEGATE_DEBUG_CLOCK"]
        self.client = AcmeClient(self.world.directory, self.world.pki.ca)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def change(self, config):
        main = config["logins"][0]
        dead = {"name": "dead", "url": "https://127.0.0.1:9", "report_foreign_order_number": False}
        slow = {"name": "slow", "calls_per_minute": 1, "report_foreign_order_number": False}
        main.update(low_credit=100)
        config["logins"] += [{**main, **dead}, {**main, **slow}]
        config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "slow", "login": "slow"})
        for profile in config["profiles"]:
            profile["prices"] = {"single": 35, "wildcard": 120, "multi": 80}
        config["metrics"] = {"listen": [f"127.0.0.1:{self.port}"]}
        config["issuance"]["check_interval"] = "1s"
        config["spending"] = {"purchases_per_day": 50, "amount_per_month": "5000.50"}
        config["public"]["connections_per_address"] = 40
        config["notify"] = {"look_every": "100ms", "collect": "0s", "retry": "1s",
                            "targets": [{"name": name, "program": f"/bin/{name}"} for name in ("true", "false")]}
        folder = folder_of(config)
        config["housekeeping"] = {"ended_orders": "7d", "every": "1s"}
        if IS_LMDB:  # a database is copied by its own means
            config["backup"] = {"folder": folder, "every": "1s", "keep": 1}
        port = int(config["validation"]["resolvers"][0].rpartition("@")[2])
        config["dcv"]["zones"] = [{"zone": ZONE, "server": f"127.0.0.1@{port}", "tsig_name": DnsServer.KEY,
                                   "tsig_algorithm": "hmac-sha256",
                                   "tsig_secret_file": os.path.join(folder, "knot", "tsig-secret")}]

    def read(self):
        found = scrape(self.url)
        for family in found.families:
            self.seen.setdefault(family, set()).add(found.state(family))
        return found

    def _until_none(self, left, timeout=60):
        """The first reading of which left(reading), what is not so yet, is empty."""
        deadline = time.monotonic() + patience(timeout)
        while missing := left(found := self.read()):
            assert time.monotonic() < deadline, f"{missing}: not within {timeout} s"
            time.sleep(0.1)
        return found

    def until(self, what, wanted, timeout=60):
        """The first reading for which wanted(reading) is true."""
        return self._until_none(lambda found: None if wanted(found) else what, timeout)

    def until_value(self, name, wanted, **labels):
        return self.until(f"{name} {labels} is {wanted}", lambda found: found.value(name, **labels) == wanted)

    def until_values(self, wanted):
        """Gauges are sampled, and what is counted is counted after its commit: all of it comes true, not all at once."""
        return self._until_none(lambda found: [(name, labels, value, found.value(name, **labels))
                                               for name, labels, value in wanted if found.value(name, **labels) != value])

    def move_clock(self, seconds):
        with open(self.clock, "r+b") as file:
            file.write(int(seconds * 1000).to_bytes(8, "little", signed=True))

    def close(self):
        self.world.close()
        release_port(self.port)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    one = Watched(tmp_path_factory.mktemp("world"))
    one.read()
    yield one
    one.close()


def _mend(world):
    """No fault any more."""
    with requests.Session() as session:
        session.trust_env = False
        session.delete(world.sandbox_url + "/sandbox/faults", verify=world.path("sandbox/tls-ca.pem"), timeout=30)


def _refuse_pushes(world):
    url = world.public_url + "/push/sectigo"
    assert requests.get(url, timeout=10).status_code == 401
    assert requests.get(url, auth=("sectigo", "battery-staple"), timeout=10).status_code == 400


def test_requests_and_certificates(watched):
    client, world = watched.client, watched.world
    assert client.new_account().status_code == 201
    assert client.post(client.directory["newOrder"], {"identifiers": []}, protected={"nonce": "AAAA"}).status_code == 400
    _refuse_pushes(world)
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["www." + ZONE], responder)
        answer = client.finalize(order, make_csr(["www." + ZONE]))
        assert answer.json()["status"] == "valid", answer.text
        client.certificate(url)
        _, order = client.new_order(["wrong." + ZONE])
        authz = client.fetch(order["authorizations"][0]).json()
        client.post(next(c["url"] for c in authz["challenges"] if c["type"] == "http-01"), {})
        assert client.wait(order["authorizations"][0], ("pending",))["status"] == "invalid"
    _buy(world, client, ["www." + ZONE])
    watched.until_values([
        ("acmegate_certificates", {}, 2),
        ("acmegate_http_requests_total", {"listener": "acme", "resource": "finalize", "code": "200"}, 2),
        ("acmegate_http_requests_total", {"listener": "acme", "resource": "newAccount", "code": "201"}, 1),
        ("acmegate_acme_problems_total", {"type": "badNonce"}, 1),
        ("acmegate_validations_total", {"type": "http-01", "result": "valid"}, 1),
        ("acmegate_validations_total", {"type": "http-01", "result": "invalid"}, 1),
        ("acmegate_purchases_total", {"login": "main"}, 1),
        ("acmegate_replacements_total", {"login": "main"}, 1),
        ("acmegate_purchases_saved_total", {"by": "replacement"}, 1),
        ("acmegate_purchases_counted", {"policy": "(all)", "window": "month"}, 1),
        ("acmegate_issuance_duration_seconds_count", {}, 2),
        ("acmegate_pushes_total", {"result": "credentials_refused"}, 1),
        ("acmegate_pushes_total", {"result": "unreadable"}, 1),
        ("acmegate_sectigo_calls_total", {"login": "main", "call": "AutoApplyOrder", "answer": "good"}, 1),
        ("acmegate_orders", {"status": "valid"}, 2),
        ("acmegate_certificates_unrenewed", {}, 1),
    ])
    watched.until("what was spent is what counts for today", lambda now: 0 < now.value("acmegate_spent_total")
                  == now.value("acmegate_spending_counted", policy="(all)", window="day"))


def test_held_replies_and_what_is_under_way(watched):
    """While the stand-in is stopped, an order is under way."""
    client, world = watched.client, watched.world
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["held." + ZONE], responder)
    world.sandbox.signal(signal.SIGSTOP)
    try:
        waits = threading.Thread(target=client.finalize, args=(order, make_csr(["held." + ZONE])))
        waits.start()
        watched.until_value("acmegate_held_replies", 1)
        watched.until("an issuance under way",
                      lambda now: now.value("acmegate_issuances") == 1 and now.value("acmegate_jobs_running") >= 1
                      and now.value("acmegate_issuance_oldest_seconds") > 0)
        world.sandbox.signal(signal.SIGCONT)
        waits.join()
    finally:
        world.sandbox.signal(signal.SIGCONT)
    client.certificate(url)


def test_wildcard(watched):
    """Its control is proved by a record, looked at and removed."""
    client, world = watched.client, watched.world
    ctl(world, "policy", "create", "trusted", "names=." + ZONE, "validation=trusted", "wildcards=true",
        "purchases_per_day=7")
    ctl(world, "policy", "create", "trusted", "names=*", status=1)
    bound = bound_client(world, ctl_json(world, "eab", "create", "trusted"))
    url, order = bound.new_order(["*.wild." + ZONE])
    bound.finalize(order, make_csr(["*.wild." + ZONE]))
    bound.certificate(url)
    found = watched.until("the record's removal",
                          lambda now: now.value("acmegate_dcv_records_total", method="update", result="well") == 2)
    assert found.value("acmegate_preflight_looks_total", method="cname", result="well") >= 1
    assert found.value("acmegate_preflight_looks_total", method="caa", result="well") >= 1
    found = watched.until_value("acmegate_purchases_counted", 1, policy="trusted", window="day")
    assert found.value("acmegate_purchases_limit", policy="trusted", window="day") == 7


def test_logins(watched):
    world = watched.world
    for _ in range(11):
        ctl(world, "upstream", "test", "dead", status=1)
    watched.until_value("acmegate_login_breaker_open", 1, login="dead")
    ctl(world, "upstream", "pause", "main")
    watched.until_value("acmegate_login_paused", 1, login="main")
    ctl(world, "upstream", "resume", "main")
    watched.until_value("acmegate_login_paused", 0, login="main")
    # As often as it is asked: the resume has it asked as well, in the background.
    world.set_faults({"endpoint": "getAccountBalance", "action": "code:-16", "times": -1})
    ctl(world, "upstream", "test", "main", status=1)
    watched.until_value("acmegate_login_refused", 1, login="main")
    _mend(world)
    ctl(world, "upstream", "resume", "main")
    watched.until_value("acmegate_login_refused", 0, login="main")


def test_being_told(watched):
    """The listener's certificate lives for a week, which one target has taken, and the other never does."""
    def told(found, result):
        return found.value("acmegate_notifications_total", by="program", result=result) or 0
    before = watched.until("a failure, and what waits for another try",
                           lambda found: told(found, "failed") > 0 and found.value("acmegate_notices_waiting") > 0)
    watched.world.set_faults({"endpoint": "getAccountBalance", "action": "code:-16", "times": -1})
    ctl(watched.world, "upstream", "test", "main", status=1)
    watched.until("one more", lambda found: told(found, "well") > told(before, "well"))
    _mend(watched.world)
    ctl(watched.world, "upstream", "test", "main")


def test_a_revocation(watched):
    client, world = watched.client, watched.world
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["revoked." + ZONE], responder)
        client.finalize(order, make_csr(["revoked." + ZONE]))
    chain = client.certificate(url)
    leaf = ssl.PEM_cert_to_DER_cert(chain[:chain.index("-----END") + 25])
    assert client.post(client.directory["revokeCert"], {"certificate": b64(leaf)}).status_code == 200
    watched.until_value("acmegate_revocations_total", 1, login="main")


def test_a_refund(watched, make_world):
    """In a world of its own, where Sectigo does not see the answer to its domain control, so that it can reject."""
    port = take_port()

    def change(config):
        hidden(config)
        config["metrics"] = {"listen": [f"127.0.0.1:{port}"]}
    hidden = _hidden("1h")
    world = make_world(learn="poll", change=change)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        _, order = client.ready_order(["rejected." + ZONE], responder)
        client.finalize(order, make_csr(["rejected." + ZONE]))
    world.advance(_wait_order(world, "pending"), "reject")
    wait_for("it is dead", lambda: ctl_json(world, "subscription", "list", "--state", "dead")["items"])
    ctl(world, "subscription", "refund", ctl_json(world, "subscription", "list", "--state", "dead")["items"][0]["id"])
    url = f"http://127.0.0.1:{port}"
    wait_for("the refund", lambda: scrape(url).value("acmegate_refunds_total", login="main") == 1)
    assert scrape(url).value("acmegate_issuance_moves_total", state="dead") == 1
    watched.seen["acmegate_refunds_total"].add(scrape(url).state("acmegate_refunds_total"))
    release_port(port)


def test_calls_wait_for_their_turn(watched):
    """One call a minute, and the look at the balance has had it."""
    client, world = watched.client, watched.world
    with http_responder(world.ports["http01"]) as responder:
        answer = client.try_order(["slow." + ZONE], profile="slow")
        assert answer.status_code == 201, answer.text
        order = answer.json()
        client.authorize(order, responder)
        threading.Thread(target=client.finalize, args=(order, make_csr(["slow." + ZONE])), daemon=True).start()
        watched.until("a call that waits", lambda now: now.value("acmegate_sectigo_calls_waiting", login="slow") >= 1)


def test_connections(watched):
    """More of one address than the public listener takes."""
    port, open_ones = watched.world.ports["public"], []
    try:
        for _ in range(60):
            open_ones.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        found = watched.until("some are refused",
                              lambda now: now.value("acmegate_connections_refused_total", listener="public") >= 20)
        assert 0 < found.value("acmegate_connections", listener="public") <= 40
    finally:
        for one in open_ones:
            one.close()


def test_what_time_brings(watched):
    """Two hours later: a certificate that nobody fetched, and a job that waits since then."""
    client, world = watched.client, watched.world
    client.http.headers["User-Agent"] = "CertbotACMEClient/2.1.0"
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["unfetched." + ZONE], responder)
        client.finalize(order, make_csr(["unfetched." + ZONE]))
        assert client.wait(url, ("processing",))["status"] == "valid"
    world.sandbox.signal(signal.SIGSTOP)
    try:
        watched.move_clock(7200)
        watched.until_value("acmegate_clock_in_doubt", 1)
    finally:
        world.sandbox.signal(signal.SIGCONT)
    watched.until_value("acmegate_clock_in_doubt", 0)
    watched.until_value("acmegate_unfetched_certificates", 1, client="certbot")
    watched.until("a late job", lambda now: now.value("acmegate_jobs_late") >= 1)


def test_what_housekeeping_removes(watched):
    """Eight days later: the order of a name that could not be proved."""
    watched.move_clock(8 * 86400)
    watched.until("orders are removed", lambda now: (now.value("acmegate_housekeeping_removed_total", kind="orders") or 0) >= 1)


def test_promtool_likes_it(watched):
    text = watched.read().text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env=clean_environment())
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_what_stands_still_is_true(watched):
    found = watched.read()
    with open(watched.world.pki.certificate, "rb") as file:
        expires = x509.load_pem_x509_certificate(file.read()).not_valid_after.replace(tzinfo=datetime.timezone.utc)
    assert found.value("acmegate_tls_certificate_expiry_timestamp_seconds", listener="acme") == expires.timestamp()
    assert abs(found.value("process_start_time_seconds") - watched.started) < 30


def test_manual_is_the_table():
    with open(MANUAL, encoding="utf-8") as file:
        assert manual() in file.read(), "acmegate --list-metrics has another table than deploy/manual/metrics.md"


def test_every_metric_is_there(watched):
    assert watched.read().families == names_of(manual())


def test_every_metric_moves(watched):
    """Runs last: each was seen in two states at least by one of the tests above."""
    last = watched.read()
    still = {name for name in last.families if len(watched.seen[name]) < 2}
    for name, value in STILL.items():
        assert value in [v for n, _, v in last.samples if n == name], name
    assert still <= set(STILL) | DATED | OTHERS, still - set(STILL)
