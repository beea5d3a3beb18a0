"""What an operator reads, types and mistypes: acmegatectl's output for people, its messages, filters and completion."""

import os
import re
import subprocess

import pytest
from cryptography import x509

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from engines import IS_LMDB
from process import TESTS, clean_environment
from test_ctl import DONE, FAILED, MISUSED, ctl, ctl_json
from test_money import _buy, bound_client
from world import program, World

ROOT = os.path.join(TESTS, "..")


def _with_prices(config):
    config["spending"] = {"currency": "CHF", "purchases_per_day": 50}
    config["profiles"][0]["prices"] = {"single": "35", "wildcard": "120", "multi": "80"}
    config["acme"]["hold_finalize"] = "5s"


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A world with something in every list but that of what was kept: two policies, a replacement, one that is held."""
    world = World(tmp_path_factory.mktemp("world"), change=_with_prices)
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    world.chain = _buy(world, client, ["www." + ZONE])
    world.chain = _buy(world, client, ["www." + ZONE])
    _buy(world, client, ["shop." + ZONE, "www.shop." + ZONE])
    ctl(world, "policy", "create", "shop", "names=." + ZONE, "purchases_per_day=5", "cents_per_day=50000")
    world.eab = ctl_json(world, "eab", "create", "shop", "note=the shop team")
    _buy(world, bound_client(world, world.eab), ["eab." + ZONE])
    ctl(world, "eab", "disable", ctl_json(world, "eab", "create", "shop", "id=old")["id"])
    assert client.try_order(["pending." + ZONE]).status_code == 201
    ctl(world, "upstream", "pause", "main")
    with http_responder(world.ports["http01"]) as responder:
        _, order = client.ready_order(["held." + ZONE], responder)
        client.finalize(order, make_csr(["held." + ZONE]))
    world.orders = {row["names"][0]: row["id"] for row in ctl_json(world, "order", "list")["items"]}
    yield world
    world.close()


def _ids(world, *words):
    return [row["id"] for row in ctl_json(world, *words)["items"]]


# ---- for people ----

TABLES = ["order list", "subscription list", "issuance list", "upstream status", "cost", "kept", "audit", "policy list",
          "eab list"]
OBJECTS = ["status", "order show ORDER", "subscription show SUBSCRIPTION", "issuance show ISSUANCE", "policy show shop",
           "eab show old", "eab create shop", "policy set shop wildcards=true"]


def _read(world, command):
    words = [{"ORDER": lambda: world.orders["www." + ZONE], "ISSUANCE": lambda: _ids(world, "issuance", "list")[0],
              "SUBSCRIPTION": lambda: _ids(world, "subscription", "list")[0]}.get(w, lambda w=w: w)()
             for w in command.split()]
    return ctl(world, *words).stdout


def _assert_readable(text):
    """No key of the JSON, no amount without its currency, no time that only a machine can read, no bare octets. Ids may
    hold a "_" anywhere."""
    for line in text.splitlines():
        label = re.match(r" *([\w ]+): ", line)
        assert not re.search(r"\b[a-z_]+_(ms|cents|octets|seconds)\b", line), line
        assert not label or "_" not in label.group(1), line
        assert not re.search(r"(?<![.\d])-?\d+\.\d\d(?![\d.])(?! CHF)", line), f"an amount of what? {line}"
        assert not re.search(r"\b1[6-9]\d{11}\b", line), f"a time of a machine: {line}"
        assert not re.match(r" *(used|map size): +\d+$", line), f"of what? {line}"


@pytest.mark.parametrize("command", TABLES)
def test_tables_are_for_people(busy, command):
    text = _read(busy, command)
    _assert_readable(text)
    head, *rows = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+( \S+)*", head)]
    for row in rows:
        for start in starts[1:]:
            assert row[start - 2:start] == "  " and row[start] != " ", f"not in its column:\n{head}\n{row}"


@pytest.mark.parametrize("command", OBJECTS)
def test_objects_are_for_people(busy, command):
    text = _read(busy, command).split("\nThe HMAC key")[0]
    _assert_readable(text)
    columns = {}  # by indent, since the last line that was less far right
    for line in text.splitlines():
        found = re.match(r"( *(?:- )?)([\w ]+):(?:( +)(\S.*))?$", line)
        assert found, f"no label and value: {line}"
        indent, value = len(found.group(1)), found.group(4)
        columns = {i: at for i, at in columns.items() if i <= indent}
        if value:
            assert columns.setdefault(indent, found.start(4)) == found.start(4), f"values out of line:\n{text}"
        else:
            columns.pop(indent + 2, None)


def test_money_sizes_and_limits_are_said(busy):
    status = _read(busy, "status")
    assert re.search(r"amount today: +140\.00 CHF", status)
    if IS_LMDB:  # what a database takes is the server's to say
        assert re.search(r"used: +\d+ KiB", status) and re.search(r"map size: +256 MiB", status)
    policy = _read(busy, "policy show shop")
    assert re.search(r"amount per day: +500\.00 CHF", policy) and re.search(r"orders per day: +no limit", policy)
    assert re.search(r"term: +365 days", _read(busy, "subscription show SUBSCRIPTION"))


def test_help_stands_in_columns(busy):
    text = ctl(busy, "--help").stdout
    rows = [line for line in text.splitlines() if line.startswith("  ") and "--help" not in line]
    column = text.splitlines()[2].index("counts, jobs")
    for row in rows:
        assert row[column - 2:column] == "  " and row[column] != " ", f"runs together:\n{row}"


def test_the_audit_says_who_and_of_which_policy(busy):
    lines = ctl_json(busy, "audit")["items"]
    made, = [line for line in lines if line["what"] == "policy created"]
    assert made["subject"] == "shop" and made["uid"] == os.getuid()
    assert [line["subject"] for line in lines if line["what"] == "purchases paused"] == ["main"]
    rows = _read(busy, "audit").splitlines()
    policy, = [row for row in rows if "policy created" in row]
    assert re.search(r"policy created +\S+ +- +- +- +shop +.*purchases per day 5", policy), policy
    bought, = [row for row in rows if "eab." + ZONE in row]
    assert busy.eab["id"] in bought and " shop " in bought


def test_upstream_status_counts_imports(busy):
    head, row = _read(busy, "upstream status").splitlines()
    assert row[head.index("IMPORTED")] == "0" and "RECONCILED" in head


# ---- certificates ----

def test_serial_number_and_end_are_shown(busy):
    certificate = x509.load_pem_x509_certificate(busy.chain.encode())
    serial = f"{certificate.serial_number:X}".zfill(len(f"{certificate.serial_number:X}") + 1 & ~1)
    end = certificate.not_valid_after
    order = [row["id"] for row in ctl_json(busy, "order", "list", "--name", "www." + ZONE)["items"]][-1]
    subscription, = _ids(busy, "subscription", "list", "--name", "www." + ZONE)
    for kind, one in (("order", order), ("subscription", subscription)):
        shown = ctl_json(busy, kind, "show", one)
        assert shown["serial_number"] == serial, kind
        assert shown["not_after_ms"] == int((end - end.replace(1970, 1, 1, 0, 0, 0)).total_seconds()) * 1000
        text = ctl(busy, kind, "show", one).stdout
        assert re.search(rf"serial number: +{serial}\n", text)
        assert re.search(rf"not after: +{end:%Y-%m-%dT%H:%M:%SZ}\n", text)
    assert ctl_json(busy, "order", "show", busy.orders["held." + ZONE])["serial_number"] is None


# ---- lists ----

def test_lists_are_narrowed(busy):
    every = _ids(busy, "order", "list")
    account = ctl_json(busy, "order", "show", busy.orders["eab." + ZONE])["account"]
    assert _ids(busy, "order", "list", "--newest") == every[::-1]
    assert len(_ids(busy, "order", "list", "--name", "www." + ZONE)) == 2
    assert _ids(busy, "order", "list", "--name", ".shop." + ZONE) == [busy.orders["shop." + ZONE]]
    assert _ids(busy, "order", "list", "--name", "HELD.*") == [busy.orders["held." + ZONE]]
    assert _ids(busy, "order", "list", "--account", account) == [busy.orders["eab." + ZONE]]
    assert _ids(busy, "order", "list", "--policy", "shop") == [busy.orders["eab." + ZONE]]
    assert _ids(busy, "order", "list", "--status", "processing") == [busy.orders["held." + ZONE]]
    assert _ids(busy, "order", "list", "--status", "valid", "--name", "held.*") == []
    subscriptions = ctl_json(busy, "subscription", "list")["items"]
    named = {row["names"][0]: row["id"] for row in subscriptions}
    assert _ids(busy, "subscription", "list", "--newest") == [row["id"] for row in subscriptions][::-1]
    assert _ids(busy, "subscription", "list", "--policy", "shop") == [named["eab." + ZONE]]
    assert _ids(busy, "subscription", "list", "--account", account) == [named["eab." + ZONE]]
    assert _ids(busy, "subscription", "list", "--status", "buying") == [named["held." + ZONE]]
    held, = ctl_json(busy, "issuance", "list", "--name", "held.*")["items"]
    assert held["state"] == "held" and held["names"] == ["held." + ZONE]
    assert len(_ids(busy, "issuance", "list", "--account", account)) == 1
    assert len(_ids(busy, "issuance", "list", "--policy", "shop")) == 1
    assert _ids(busy, "eab", "list", "--status", "disabled", "--policy", "shop") == ["old"]
    assert "old" not in _ids(busy, "eab", "list", "--status", "enabled")
    for words in (["order", "list", "--status", "held"], ["subscription", "list", "--status", "valid"],
                  ["eab", "list", "--status", "live"]):
        assert "it is one of " in ctl(busy, *words, status=FAILED).stderr


def test_the_audit_is_narrowed(busy):
    lines = ctl_json(busy, "audit")["items"]
    assert ctl_json(busy, "audit", "--newest")["items"] == lines[::-1]
    bought, = ctl_json(busy, "audit", "--name", "eab." + ZONE)["items"]
    assert ctl_json(busy, "audit", "--account", bought["account"])["items"] == [bought]
    assert bought in ctl_json(busy, "audit", "--policy", "shop")["items"]
    assert all(line.get("policy") != "default" for line in ctl_json(busy, "audit", "--policy", "shop")["items"])
    half = lines[len(lines) // 2]["time_ms"]
    newer = [line for line in lines if line["time_ms"] >= half]
    assert ctl_json(busy, "audit", "--newest", "--since", str(half))["items"] == newer[::-1]


def test_pages_of_the_newest(busy):
    whole, paged, after = _ids(busy, "order", "list", "--newest"), [], None
    for _ in range(len(whole) + 1):
        page = ctl_json(busy, "order", "list", "--newest", "--limit", "2", *(["--after", after] if after else []))
        paged += [row["id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert paged == whole and len(whole) > 4


@pytest.mark.parametrize("since, all_of_it", [
    ("today", None), ("yesterday", True), ("2h", True), ("1 hour ago", True), ("7 days ago", True), ("1w", True),
    ("2020-01", True), ("2020-01-31", True), ("2020-01-31T08:30", True), ("2020-01-31 08:30:59", True),
    ("2099-12-31T23:59:59Z", False), ("4102444800000", False)])
def test_plain_times(busy, since, all_of_it):
    lines, everything = ctl_json(busy, "audit", "--since", since)["items"], ctl_json(busy, "audit")["items"]
    assert all_of_it is None or lines == (everything if all_of_it else [])


@pytest.mark.parametrize("since", ["tomorrow", "soon", "2026-02-31", "2026-13-01", "7x", "-1d", "1d2h", "",
                                   "99999999999d"])
def test_times_that_are_none(busy, since):
    done = ctl(busy, "audit", "--since", since, status=MISUSED)
    assert "yesterday" in done.stderr or "wants a value" in done.stderr


# ---- messages ----

@pytest.mark.parametrize("words, said", [
    ("", "a command is wanted, such as status"),
    ("order", "order what? One of list, show, story, retry"),
    ("orders", "there is no command \"orders\"; do you mean order?"),
    ("stat", "do you mean status?"),
    ("frobnicate", "there is no command \"frobnicate\""),
    ("order shwo", "order has no \"shwo\"; it has list, show, story, retry"),
    ("order show", "order show wants an ORDER"),
    ("upstream pause", "upstream pause wants a LOGIN"),
    ("order show a b", "order show takes one ORDER, and \"b\" is another"),
    ("policy list web", "policy list takes nothing behind it but options, and \"web\" stands there"),
    ("policy set web names", "policy set takes KEY=VALUE, as in names=VALUE, and \"names\" has no value"),
    ("eab create web note", "as in note=VALUE"),
    ("status a=b", "status takes no KEY=VALUE, and \"a=b\" stands there"),
    ("status --limit 3", "--limit is no option of status"),
    ("cost --newest", "--newest is no option of cost"),
    ("order list --colour", "there is no option --colour"),
    ("order list --name", "--name wants a value"),
])
def test_mistypes_are_understood(busy, words, said):
    done = ctl(busy, *words.split(), status=MISUSED)
    assert said in done.stderr and "is too much" not in done.stderr and done.stdout == "", done.stderr


# ---- what is printed to be run ----

def test_the_certbot_line_runs(busy, tmp_path):
    text = _read(busy, "eab create shop")
    line, = [one.strip() for one in text.splitlines() if one.strip().startswith("certbot register")]
    assert "--agree-tos" in line and " -m " in line
    folders = [word for kind in ("config", "work", "logs") for word in (f"--{kind}-dir", str(tmp_path / kind))]
    done = subprocess.run([*line.split(), *folders], text=True, timeout=120, stdin=subprocess.DEVNULL,
                          env=clean_environment(REQUESTS_CA_BUNDLE=busy.pki.ca), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0 and "Account registered" in done.stdout, done.stdout


# ---- completion ----

def _complete(world, *words):
    """What TAB offers behind these words, the last of which is begun."""
    script = f"""source {ROOT}/deploy/completion/acmegatectl; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _acmegatectl "$1" "${{@: -1}}" "${{@: -2:1}}"; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script, "bash", program("acmegatectl"), "--socket", world.path("admin.sock"),
                           *words], text=True, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [word for word in done.stdout.splitlines() if word]


def test_completion(busy):
    first = _complete(busy, "")
    assert len(first) == len(set(first)), "words stand there twice"
    assert {"status", "order", "eab", "--json", "--version"} <= set(first)
    assert _complete(busy, "ord") == ["order"]
    assert sorted(_complete(busy, "order", "")) == ["authorize", "cancel", "drop", "list", "retry", "show", "story"]
    assert set(_complete(busy, "order", "show", "")) == set(_ids(busy, "order", "list"))
    assert set(_complete(busy, "subscription", "show", "")) == set(_ids(busy, "subscription", "list"))
    assert set(_complete(busy, "issuance", "show", "")) == set(_ids(busy, "issuance", "list"))
    for words in (["upstream", "pause"], ["upstream", "resume"], ["--json", "upstream", "reconcile"]):
        assert _complete(busy, *words, "") == ["main"]
    assert _complete(busy, "policy", "show", "") == ["shop"] == _complete(busy, "eab", "create", "")
    assert _complete(busy, "order", "list", "--policy", "s") == ["shop"]
    assert "old" in _complete(busy, "eab", "enable", "")
    assert set(_complete(busy, "order", "list", "--status", "p")) == {"pending", "processing"}
    assert _complete(busy, "issuance", "list", "--state", "he") == ["held"]
    assert _complete(busy, "subscription", "list", "--status", "l") == ["live"]
    assert "--newest" in _complete(busy, "order", "list", "--n")


def test_completion_without_a_daemon(tmp_path):
    class Nowhere:
        @staticmethod
        def path(name):
            return str(tmp_path / name)
    assert _complete(Nowhere, "upstream", "pause", "") == []
    assert "status" in _complete(Nowhere, "")


# ---- the manual ----

def test_the_manual_page_is_made_from_the_parsers_table():
    page = os.path.join(ROOT, "deploy/manual/commands")
    done = subprocess.run(["/usr/bin/python3", "-B", page, os.environ["ACMEGATE_BUILD"], "--check"], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
