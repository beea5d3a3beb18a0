"""Lists of a hundred thousand rows: acmegatectl pages through them in as much memory as one page takes, in line."""

import csv
import http.server
import io
import json
import os
import socketserver
import subprocess
import threading
import urllib.parse

import pytest

from process import clean_environment
from world import program

ROWS, PAGE = 100_000, 1000


def _row(i):
    """The last ones are wider than all before, so that only who has read all of it knows the columns."""
    wide = "w" * 40 if i >= ROWS - 3 else "w"
    return {"id": f"order-{i:06}", "status": "valid", "created_ms": 1700000000000 + i, "policy": wide, "profile": "dv",
            "names": [f'name{i}."quoted",example', f"other{i}.example"]}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        first, limit = int(asked.get("after", "0")), int(asked.get("limit", "100"))
        last = min(first + limit, self.server.rows)
        body = json.dumps({"items": [_row(i) for i in range(first, last)], "currency": "EUR", "last": str(last),
                           "next": str(last) if last < self.server.rows else None}).encode()
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class _Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    rows, asked = ROWS, 0


@pytest.fixture
def daemon(tmp_path):
    server = _Daemon(str(tmp_path / "admin.sock"), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _list(daemon, tmp_path, *words):
    """Its output, and its greatest memory in KiB."""
    argv = [program("acmegatectl"), "--socket", daemon.server_address, "order", "list", *words]
    with open(tmp_path / "out", "w+", encoding="utf-8") as out:
        child = subprocess.Popen(argv, env=clean_environment(), stdout=out, stderr=subprocess.PIPE)
        said = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
        assert child.returncode == 0, said
        out.seek(0)
        return out.read(), usage.ru_maxrss, said


def _of_one_page(daemon, tmp_path, *words):
    daemon.rows = PAGE
    memory = _list(daemon, tmp_path, *words)[1]
    daemon.rows = ROWS
    return memory


# A sanitizer keeps what was freed, so that memory says nothing.
SANITIZED = b"__asan_init" in open(program("acmegatectl"), "rb").read() or b"__tsan_init" in open(program("acmegatectl"), "rb").read()
MORE_KIB = 4096


def test_a_long_table_stands_in_line(daemon, tmp_path):
    alone = _of_one_page(daemon, tmp_path, "--all")
    text, memory, said = _list(daemon, tmp_path, "--all")
    head, *rows = text.splitlines()
    assert len(rows) == ROWS and said == ""
    names = head.index("NAMES")
    for row in rows:
        assert row[names - 2:names] == "  " and row[names:].startswith("name"), f"out of line:\n{head}\n{row}"
    assert SANITIZED or memory < alone + MORE_KIB, f"{memory} KiB for {ROWS} rows, {alone} KiB for {PAGE}"


def test_a_long_list_as_csv(daemon, tmp_path):
    alone = _of_one_page(daemon, tmp_path, "--all", "--csv")
    text, memory, _ = _list(daemon, tmp_path, "--all", "--csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == ROWS and rows[77]["order"] == "order-000077"
    assert rows[77]["names"] == 'name77."quoted",example, other77.example' and rows[0]["created"] == "2023-11-14T22:13:20Z"
    assert SANITIZED or memory < alone + MORE_KIB


def test_a_long_list_as_json(daemon, tmp_path):
    alone = _of_one_page(daemon, tmp_path, "--all", "--json")
    text, memory, _ = _list(daemon, tmp_path, "--json", "--all")
    whole = json.loads(text)
    assert whole["next"] is None and whole["items"] == [_row(i) for i in range(ROWS)]
    assert SANITIZED or memory < alone + MORE_KIB


def test_one_page_says_how_to_go_on(daemon, tmp_path):
    text, _, said = _list(daemon, tmp_path, "--limit", "10")
    assert len(text.splitlines()) == 11 and "--after 10" in said and "--all" in said
    daemon.rows = 0
    assert _list(daemon, tmp_path, "--all", "--json")[0] == '{"items": [], "next": null}\n'
    assert len(_list(daemon, tmp_path, "--all")[0].splitlines()) == 1


def test_what_a_spreadsheet_would_compute_is_text(daemon, tmp_path, monkeypatch):
    daemon.rows = 1
    monkeypatch.setitem(globals(), "_row", lambda i: {"id": "=1+1", "status": "-5", "policy": "@SUM(A1)", "names": []})
    assert _list(daemon, tmp_path, "--csv")[0].splitlines()[1] == '"\'=1+1",-5,,"\'@SUM(A1)",,'
