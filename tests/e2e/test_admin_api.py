"""admin.listen: the API over HTTPS, for who holds a token, a session that began with one, or is signed in at a proxy."""

import http.client
import json
import os
import socket
import ssl
import struct
import subprocess

import pytest
import requests

from admin_api import CSRF, AdminWorld, session
from process import clean_environment
from sandbox_client import wait_for
from test_ctl import DONE, FAILED, MISUSED, NOT_FOUND, UNREACHABLE, ctl, ctl_json
from world import program

ROLES = ("read", "operate", "admin")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    one = AdminWorld(tmp_path_factory.mktemp("world"))
    one.tokens = {role: one.token(role, f"the-{role}") for role in ROLES}
    yield one
    one.close()


def _refusals(world, **wanted):
    """Those that are like this; they are written soon after the answer."""
    return wait_for("the refusal", lambda: [line for line in ctl_json(world, "audit", "--refusals")["items"]
                                            if wanted.items() <= line.items()])


def test_nothing_is_said_without_tls(world):
    with socket.create_connection(("127.0.0.1", world.api_port), timeout=30) as plain:
        plain.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200" not in plain.recv(4096)


def test_a_token_is_wanted(world):
    answer = world.ask("GET", "/status")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "token is wanted" in answer.json()["error"]
    assert world.ask("GET", "/nowhere").status_code == 401, "nobody learns what is there"


@pytest.mark.parametrize("path, token, status", [("/status", "read", 200), ("/status", None, 401),
                                                 ("/nowhere", "read", 404), ("/", None, 200)])
def test_browsers_are_told_to_be_strict(world, path, token, status):
    answer = world.ask("GET", path, token and world.tokens[token])
    assert answer.status_code == status
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == ("no-cache" if path == "/" else "no-store")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_other_site_may_ask(world):
    answer = world.ask("OPTIONS", "/status", headers={"Origin": "https://other.example",
                                                      "Access-Control-Request-Method": "GET"})
    assert answer.status_code == 401 and "Access-Control-Allow-Origin" not in answer.headers


def test_a_file_is_sent_once(world):
    first = world.ask("GET", "/")
    again = world.ask("GET", "/", headers={"If-None-Match": first.headers["ETag"]})
    assert first.status_code == 200 and again.status_code == 304 and not again.content
    head = world.ask("HEAD", "/")
    assert head.status_code == 200 and not head.content and head.headers["Content-Length"] == str(len(first.content))
    assert world.ask("POST", "/").status_code == 405


def test_the_answer_is_the_sockets(world):
    over_https = world.ask("GET", "/policies", world.tokens["read"]).json()
    assert over_https == ctl_json(world, "policy", "list")


def test_who_changes_something_is_written_down(world):
    answer = world.ask("POST", "/upstreams/main/pause", world.tokens["operate"])
    assert answer.status_code == 200
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert line["what"] == "purchases paused" and line["subject"] == "main" and line["uid"] is None
    assert (line["token"], line["role"], line["address"]) == ("the-operate", "operate", "127.0.0.1")
    logged = world.wait_log(lambda line: line.get("msg") == "an operator's call"
                            and line.get("request") == "POST /upstreams/main/pause")
    assert logged["request_id"] == line["request_id"] and logged["token"] == "the-operate"
    assert "the-operate" in ctl(world, "audit", "--newest", "--limit", "1").stdout
    assert ctl_json(world, "upstream", "resume", "main")
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert line["uid"] == os.getuid() and "token" not in line and len(line["request_id"]) == 16


def test_reading_is_written_down(world):
    assert world.ask("GET", "/orders?name=read.acme.example", world.tokens["read"]).status_code == 200
    line = world.wait_log(lambda line: line.get("msg") == "an operator's call"
                          and line.get("query") == "name=read.acme.example")
    assert (line["token"], line["role"], line["peer"], line["status"]) == ("the-read", "read", "127.0.0.1", "200")


def test_refusals_are_written_down(world):
    assert world.ask("POST", "/keys/none/disable", world.tokens["read"]).status_code == 403
    assert world.ask("POST", "/keys/none/disable", world.tokens["operate"]).status_code == 404
    assert world.ask("GET", "/limits", "acmegate_" + 43 * "A").status_code == 401
    forbidden, = _refusals(world, request="POST /keys/none/disable", token="the-read")
    assert forbidden["problem"] == "403" and forbidden["role"] == "read" and "wants the role operate" in forbidden["reason"]
    assert forbidden["address"] == "127.0.0.1" and len(forbidden["request_id"]) == 16
    assert _refusals(world, request="POST /keys/none/disable", token="the-operate", problem="404")
    unknown, = _refusals(world, request="GET /limits")
    assert unknown["problem"] == "401" and "token" not in unknown


def test_bodies_are_bounded_json(world):
    operate, url = world.tokens["operate"], "/policies/bounded"
    assert world.ask("POST", url, operate, data="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert world.ask("POST", url, operate, data="names=x").status_code == 415
    assert world.ask("POST", url, operate, json={"names": ["x" * 70000]}).status_code == 400
    assert world.ask("POST", url, operate, json={"names": ["x" * 400000]}).status_code == 413
    assert world.ask("GET", "/orders?limit=1001", operate).status_code == 400
    assert world.ask("GET", "/orders?after=" + 4000 * "0", operate).status_code == 400
    assert world.ask("POST", url, operate, json={}).status_code == 200


def test_a_field_that_stands_there_twice(world):
    good = f"Authorization: Bearer {world.tokens['read']}\r\n"
    answer = _raw(world, "GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + good + good + "\r\n")
    assert answer.startswith("HTTP/1.1 400"), answer


def _raw(world, text, source="127.0.0.1"):
    context = ssl.create_default_context(cafile=world.pki.ca)
    with socket.create_connection(("127.0.0.1", world.api_port), timeout=30, source_address=(source, 0)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            tls.sendall(text.encode())
            return tls.recv(65536).decode()


# ---- tokens ----

@pytest.mark.lmdb("looks into its file")
def test_a_token_is_shown_once(world):
    made = ctl(world, "token", "create", "once", "--role", "read", "--days", "7")
    token = made.stdout.strip()
    assert token.startswith("acmegate_") and len(token) == 52 and token not in made.stderr and "once" in made.stderr
    row, = [item for item in ctl_json(world, "token", "list")["items"] if item["name"] == "once"]
    assert row["role"] == "read" and row["state"] == "active" and row["used_ms"] is None
    assert row["expires_ms"] - row["created_ms"] == 7 * 86400 * 1000 and token not in json.dumps(row)
    assert "already" not in ctl(world, "token", "create", "once", "--role", "read", status=FAILED).stdout
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert line["what"] == "token created" and line["members"]["role"] == "read" and token not in json.dumps(line)
    assert world.ask("GET", "/status", token).status_code == 200
    row, = [item for item in ctl_json(world, "token", "list")["items"] if item["name"] == "once"]
    assert row["used_ms"] >= row["created_ms"]
    world.stop_gateway()
    with open(world.path("store/data.mdb"), "rb") as store:
        assert token.encode() not in store.read(), "the store has the hash alone"
    world.start_gateway()
    assert world.ask("GET", "/status", token).status_code == 200


def test_a_revoked_token(world):
    token = world.token("operate", "short-lived")
    browser, asleep = session(), session()
    for one in (browser, asleep):
        assert world.ask("POST", "/session", token, one).status_code == 200
        assert world.ask("GET", "/status", None, one).status_code == 200
    assert ctl_json(world, "token", "revoke", "short-lived")["state"] == "revoked"
    answer = world.ask("GET", "/status", token)
    assert answer.status_code == 401 and "revoked" in answer.json()["error"]
    assert world.ask("GET", "/status", None, browser).status_code == 401, "and the session with it"
    assert _refusals(world, token="short-lived", problem="401")
    assert "revoked" in ctl(world, "token", "revoke", "short-lived", status=FAILED).stderr
    again = world.token("read", "short-lived")
    assert world.ask("GET", "/status", again).status_code == 200
    assert world.ask("GET", "/status", token).status_code == 401
    assert world.ask("GET", "/status", None, asleep).status_code == 401, "another token of that name is another"


def test_an_expired_token(make_admin_world, tmp_path, monkeypatch):
    """Two days later, and nobody is there who would correct the clock."""
    world = make_admin_world()
    short, long = world.token("read", "short", "--days", "1"), world.token("read", "long", "--days", "3")
    assert world.ask("GET", "/status", short).status_code == 200
    world.stop_gateway()
    world.stop_sandbox()
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("=q", 2 * 86400 * 1000))
    monkeypatch.setenv("ACMEGATE_DEBUG_CLOCK", str(clock))
    world.start_gateway()
    answer = world.ask("GET", "/status", short)
    assert answer.status_code == 401 and "expired" in answer.json()["error"]
    assert world.ask("GET", "/status", long).status_code == 200
    states = {item["name"]: item["state"] for item in ctl_json(world, "token", "list")["items"]}
    assert states == {"short": "expired", "long": "active"}
    assert [item["name"] for item in ctl_json(world, "token", "list", "--status", "expired")["items"]] == ["short"]
    world.token("operate", "short")  # its name is free again
    assert _refusals(world, token="short", problem="401")


@pytest.mark.parametrize("arguments", [("create",), ("create", "--role", "root"), ("create", "-x", "--role", "read"),
                                       ("create", "a b", "--role", "read"), ("create", "--role", "read", "--days", "0"),
                                       ("create", "--role", "read", "--days", "9999")])
def test_bad_tokens(world, arguments):
    before = ctl(world, "token", "list", "--all", "--csv").stdout
    done = subprocess.run([program("acmegatectl"), "--socket", world.path("admin.sock"), "token", *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (FAILED, MISUSED) and done.stderr.startswith("acmegatectl: ")
    assert ctl(world, "token", "list", "--all", "--csv").stdout == before


def test_wrong_tokens_are_slowed(make_admin_world):
    world = make_admin_world()
    token = world.token("read")
    answers = [world.ask("GET", "/status", "acmegate_" + 42 * "A" + str(i % 10)) for i in range(14)]
    assert [answer.status_code for answer in answers[:10]] == 10 * [401]
    assert answers[-1].status_code == 429 and int(answers[-1].headers["Retry-After"]) > 0
    assert world.ask("GET", "/status", token).status_code == 200, "who has a token is not shut out by who has none"


# ---- sessions ----

@pytest.fixture
def make_admin_world(tmp_path):
    worlds = []

    def make(**options):
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(AdminWorld(folder, **options))
        return worlds[-1]

    yield make
    for one in worlds:
        one.close()


def test_a_session(world):
    browser, other = session(), session()
    begun = world.ask("POST", "/session", world.tokens["operate"], browser)
    assert begun.status_code == 200 and begun.json()["role"] == "operate" and begun.json()["name"] == "the-operate"
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-acmegate=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; ")) and "Domain" not in cookie
    who = world.ask("GET", "/session", None, browser).json()
    assert who["by"] == "session" and who["csrf"] == begun.json()["csrf"]
    pause, csrf = "/upstreams/main/pause", {CSRF: who["csrf"]}
    assert world.ask("POST", pause, None, browser).status_code == 403
    assert world.ask("POST", pause, None, browser, headers={CSRF: who["csrf"][:-1] + "_"}).status_code == 403
    assert world.ask("POST", pause, None, browser, headers=csrf).status_code == 200
    assert world.ask("POST", "/upstreams/main/resume", None, browser, headers=csrf).status_code == 200
    assert world.ask("POST", "/backup", None, browser, headers=csrf, json={"directory": "/x"}).status_code == 403
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert line["what"] == "purchases resumed" and line["token"] == "the-operate"
    assert world.ask("POST", "/session", world.tokens["operate"], other).status_code == 200
    assert world.ask("POST", pause, None, other, headers=csrf).status_code == 403, "a session's csrf is its own"
    assert world.ask("DELETE", "/session", None, browser).status_code == 403
    value = browser.cookies["__Host-acmegate"]
    assert world.ask("DELETE", "/session", None, browser, headers=csrf).json() == {"ended": True}
    assert "__Host-acmegate" not in browser.cookies
    answer = world.ask("GET", "/session", headers={"Cookie": f"__Host-acmegate={value}"})
    assert answer.status_code == 401 and "over" in answer.json()["error"]
    assert world.ask("GET", "/session", None, other).status_code == 200


def test_sessions_are_none_of_the_socket(world):
    assert world.ask("GET", "/session", world.tokens["read"]).json()["by"] == "token"
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(world.path("admin.sock"))
    connection.request("GET", "/session")
    assert connection.getresponse().status == 404
    connection.close()


# ---- a proxy in front ----

SIGNED_IN = {"user_header": "X-Signed-In", "role_header": "X-Role"}


def test_a_proxy_signs_in(make_admin_world):
    world = make_admin_world(admin={"trusted_proxies": ["127.0.0.1"], "proxy": SIGNED_IN})
    anna = {"X-Signed-In": "anna@acme.example", "X-Role": "operate", "X-Forwarded-For": "192.0.2.7"}
    who = world.ask("GET", "/session", headers=anna).json()
    assert (who["by"], who["name"], who["role"]) == ("proxy", "anna@acme.example", "operate")
    assert world.ask("POST", "/upstreams/main/pause", headers=anna).status_code == 403, "a browser sends these by itself"
    assert world.ask("POST", "/upstreams/main/pause", headers={**anna, CSRF: who["csrf"]}).status_code == 200
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert (line["user"], line["role"], line["address"]) == ("anna@acme.example", "operate", "192.0.2.7")
    assert "anna@acme.example" in ctl(world, "audit", "--newest").stdout
    assert world.ask("POST", "/backup", headers={**anna, CSRF: who["csrf"]}, json={}).status_code == 403
    bert = {**anna, "X-Signed-In": "bert", CSRF: who["csrf"]}
    assert world.ask("POST", "/upstreams/main/resume", headers=bert).status_code == 403, "what was told to another"
    for role in ("", "root", "Admin", "operate,admin"):
        assert world.ask("GET", "/status", headers={**anna, "X-Role": role}).status_code == 403, role
    assert world.ask("GET", "/status").status_code == 401
    assert world.ask("GET", "/status", world.token("read")).status_code == 200
    for own in ("Basic YW5uYTpzZWNyZXQ=", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"):  # what proxies sign in by, and pass on
        answer = world.ask("GET", "/session", headers={**anna, "Authorization": own})
        assert answer.status_code == 200 and answer.json()["by"] == "proxy", answer.text
        assert world.ask("GET", "/session", headers={"Authorization": own}).status_code == 401
    through = world.ask("GET", "/session", world.token("admin", "through"), headers=anna).json()
    assert (through["by"], through["name"]) == ("token", "through")
    twice = "GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Signed-In: anna\r\nX-Signed-In: bert\r\nX-Role: read\r\n\r\n"
    assert _raw(world, twice).startswith("HTTP/1.1 400")
    assert _refusals(world, user="anna@acme.example", problem="403", address="192.0.2.7")


def test_nobody_else_signs_in(make_admin_world):
    world = make_admin_world(admin={"trusted_proxies": ["192.0.2.1"], "proxy": SIGNED_IN})
    anna = {"X-Signed-In": "anna", "X-Role": "admin", "X-Forwarded-For": "192.0.2.1"}
    assert world.ask("GET", "/status", headers=anna).status_code == 401
    assert world.ask("GET", "/status", headers={**anna, "X-Forwarded-For": "192.0.2.7"}).status_code == 401


def test_a_proxy_without_roles_lets_read(make_admin_world):
    world = make_admin_world(admin={"trusted_proxies": ["127.0.0.1"], "proxy": {"user_header": "X-Signed-In"}})
    anna = {"X-Signed-In": "anna", "X-Role": "admin"}
    assert world.ask("GET", "/session", headers=anna).json()["role"] == "read"


# ---- acmegatectl from elsewhere ----

def _remote(world, token, *arguments, ca=None, mode=0o600):
    path = world.path("token")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(token + "\n")
    return subprocess.run([program("acmegatectl"), "--url", world.api_url + "/", "--token-file", path,
                           "--ca", ca or world.pki.ca, *arguments], capture_output=True, text=True, timeout=60,
                          check=False, env=clean_environment(https_proxy="http://127.0.0.1:9"))


def test_acmegatectl_from_elsewhere(world):
    read, operate = world.tokens["read"], world.tokens["operate"]
    done = _remote(world, read, "policy", "list")
    assert (done.returncode, done.stdout) == (DONE, ctl(world, "policy", "list").stdout), done.stderr
    done = _remote(world, read, "upstream", "pause", "main")
    assert done.returncode == FAILED and "wants the role operate" in done.stderr
    assert _remote(world, operate, "policy", "create", "far", "names=.far.acme.example").returncode == DONE
    assert ctl_json(world, "policy", "show", "far")["names"] == [".far.acme.example"]
    assert _remote(world, operate, "order", "show", "none").returncode == NOT_FOUND
    done = _remote(world, read, "status", ca=world.root)
    assert done.returncode == UNREACHABLE and "--ca" in done.stderr
    done = _remote(world, "", "status")
    assert done.returncode == FAILED and "first line" in done.stderr
    done = _remote(world, world.tokens["admin"], "backup", "relative")
    assert done.returncode == FAILED and "from /" in done.stderr
    done = subprocess.run([program("acmegatectl"), "--url", "http://127.0.0.1:1", "--token-file", "x", "status"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == MISUSED and "https://" in done.stderr


def test_a_token_that_all_can_read_is_not_sent(world):
    done = _remote(world, world.tokens["read"], "status", mode=0o644)
    assert done.returncode == FAILED and "every user" in done.stderr and not done.stdout, done
    assert _remote(world, world.tokens["read"], "status", mode=0o640).returncode == DONE


def test_completion_from_elsewhere(world):
    offered = _complete(world, "--url", world.api_url, "--token-file", world.path("token"), "--ca", world.pki.ca,
                        "upstream", "pause", "")
    _remote(world, world.tokens["read"], "status")
    assert offered == ["main"] or _complete(world, "--url", world.api_url, "--token-file", world.path("token"),
                                            "--ca", world.pki.ca, "upstream", "pause", "") == ["main"]
    assert _complete(world, "token", "create", "--role", "") == list(ROLES)


def _complete(world, *words):
    done = subprocess.run([program("acmegatectl"), "--complete", *words], capture_output=True, text=True, timeout=60,
                          check=False, env=clean_environment())
    return done.stdout.split()


# ---- a crowd ----

def _comes_in(world, browser):
    """Whether it gets one of the places, and keeps it."""
    try:
        return world.ask("GET", "/", None, browser).status_code == 200
    except requests.exceptions.ConnectionError:
        return False


def test_a_crowd_starves_nobody(make_admin_world):
    """One address cannot take all places at admin.listen; and whoever stands there, the socket answers."""
    world = make_admin_world(admin={"connections": 100, "connections_per_address": 4})
    crowd = [session() for _ in range(12)]
    try:
        came_in = sum(_comes_in(world, one) for one in crowd)
        assert 2 <= came_in <= 4, "of two loops each has its share"
        answer = _raw(world, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", source="127.0.0.2")
        assert answer.startswith("HTTP/1.1 200"), answer
        assert ctl_json(world, "status")
    finally:
        for one in crowd:
            one.close()


def test_nothing_secret_is_logged(world):
    """Nor is it in an answer that does not make it."""
    browser = session()
    begun = world.ask("POST", "/session", world.tokens["admin"], browser)
    secrets = [*world.tokens.values(), begun.json()["csrf"], browser.cookies["__Host-acmegate"]]
    assert world.ask("POST", "/upstreams/main/pause", None, browser, headers={CSRF: "acmegate_wrong"}).status_code == 403
    assert world.ask("GET", "/status", "acmegate_" + 43 * "w").status_code == 401
    shown = "\n".join([*world.gateway.lines, ctl(world, "audit", "--json", "--all").stdout,
                       ctl(world, "audit", "--refusals", "--json", "--all").stdout, ctl(world, "token", "list", "--json").stdout])
    assert "an operator's call" in shown
    for secret in [*secrets, "acmegate_wrong", "acmegate_" + 43 * "w"]:
        assert secret not in shown
