"""A gateway without its memory buys nothing: no new store where there was one, and no purchase before Sectigo's report
has been asked whether it knows more than the store."""

import glob
import os
import shutil

import pytest
import requests

from acme_client import make_csr
from dns_server import ZONE
from process import run
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_reconcile import _await_login, _await_state, _client, _login, _order
from world import program

pytestmark = pytest.mark.lmdb("what is left of a store's files")


def _eager(config):
    config["acme"]["hold_finalize"] = "0s"
    config["issuance"].update(settle_again="200ms", resend="800ms", later="200ms")


def _names(word):
    return [f"{word}.{ZONE}"]


# ---- a store that is not there ----

def _empty(world):
    with open(world.path("store/data.mdb"), "wb"):
        pass


def _half_made(world):
    """As a kill -9 leaves it before the first commit: LMDB's own two pages."""
    with open(world.path("store/data.mdb"), "r+b") as file:
        file.truncate(0)
    made = run(["/usr/bin/python3", "-c", "import ctypes as c; l = c.CDLL('liblmdb.so.0'); e = c.c_void_p();"
                "l.mdb_env_create(c.byref(e)); assert l.mdb_env_open(e, b'store', 0, 0o600) == 0; l.mdb_env_close(e)"],
               world.folder)
    assert made.returncode == 0, made.output


LOST = {
    "an empty file": _empty,
    "no file": lambda world: os.unlink(world.path("store/data.mdb")),
    "no folder": lambda world: shutil.rmtree(world.path("store")),
    "half made": _half_made,
}


def _refused(world, *words):
    """By --check-config and by the start, with the same sentence."""
    for arguments in (["--check-config"], []):
        done = world.run_gateway("--config", world.path("acmegate.yaml"), *arguments)
        assert done.returncode == 1, done.output
        for word in words:
            assert word in done.output, (word, done.output)
        assert '"ready"' not in done.output


@pytest.mark.parametrize("sign", ["store.key", "store.key.store"])
@pytest.mark.parametrize("lost", LOST)
def test_no_store_is_made_where_there_was_one(make_world, lost, sign):
    """A volume that is not mounted, a wrong path, a failed restore: refused, until the operator says --init."""
    world = make_world(change=_eager)
    world.stop_gateway()
    for other in {"store.key", "store.key.store"} - {sign}:
        os.unlink(world.path(other))
    LOST[lost](world)
    before = sorted(glob.glob(world.path("store") + "*"))
    _refused(world, world.path("store"), world.path(sign), "acmegate --init", "mount", "backup")
    assert sorted(glob.glob(world.path("store") + "*")) == before, "nothing was made"
    assert not os.path.exists(world.path("store/data.mdb")) or lost in ("an empty file", "half made")

    made = world.run_gateway("--config", world.path("acmegate.yaml"), "--init")
    assert made.returncode == 0 and world.path("store") in made.output, made.output
    world.start_gateway()
    _order(world, _client(world), _names("anew"))


def test_another_store_under_the_same_key_is_noticed(make_world):
    world = make_world(change=_eager)
    world.stop_gateway()
    os.rename(world.path("store"), world.path("right"))
    for sign in ("store.key", "store.key.store"):
        os.rename(world.path(sign), world.path("kept-" + sign))
    world.start_gateway()  # somewhere else, say
    world.stop_gateway()
    for sign in ("store.key", "store.key.store"):
        os.replace(world.path("kept-" + sign), world.path(sign))
    _refused(world, "another store", world.path("store.key.store"), "acmegate --init")
    shutil.rmtree(world.path("store"))
    os.rename(world.path("right"), world.path("store"))
    world.start_gateway()


def test_a_store_of_before_and_one_on_another_host(make_world):
    """Neither has a marker: it is written; a backup that takes the store's place is the same store."""
    world = make_world(change=_eager)
    client = _client(world)
    _order(world, client, _names("kept"))
    ctl(world, "backup", world.path("copy"))
    world.stop_gateway()
    marker = world.path("store.key.store")
    with open(marker, encoding="ascii") as file:
        identity = file.read()
    os.unlink(marker)
    world.start_gateway()
    with open(marker, encoding="ascii") as file:
        assert file.read() == identity
    assert oct(os.stat(marker).st_mode & 0o777) == "0o600"
    world.stop_gateway()
    shutil.rmtree(world.path("store"))
    os.rename(world.path("copy"), world.path("store"))
    world.start_gateway()
    client.reconnect()
    _order(world, client, _names("kept"))
    assert len(world.bought(_names("kept"))) == 1


def test_init_binds_the_store_that_is_there(make_world):
    world = make_world(change=_eager)
    running = world.run_gateway("--config", world.path("acmegate.yaml"), "--init")
    assert running.returncode == 1 and "owns this store" in running.output, running.output
    world.stop_gateway()
    with open(world.path("store.key.store"), "w", encoding="ascii") as file:
        file.write("0" * 32)
    _refused(world, "another store")
    assert world.run_gateway("--config", world.path("acmegate.yaml"), "--init").returncode == 0
    world.start_gateway()
    assert run([program("acmegate"), "--config", world.path("acmegate.yaml"), "--init", "--check-config"],
               world.folder).returncode == 2


def test_a_first_start_that_was_killed_goes_on(make_world):
    """Before the marker and the key there is no sign, so a half-made store is made whole."""
    world = make_world(change=_eager)
    world.stop_gateway()
    os.unlink(world.path("store.key"))
    os.unlink(world.path("store.key.store"))
    _half_made(world)
    done = world.run_gateway("--config", world.path("acmegate.yaml"), "--check-config")
    assert done.returncode == 0, done.output
    world.start_gateway()
    _order(world, _client(world), _names("first"))


# ---- a store that knows too little ----

def _recalled(world):
    """Once the report was asked after this start."""
    return _await_login(world, lambda login: login["state"] != "asking")


def _take_copy(world):
    """By cp, of a stopped gateway: nothing in it says that it is a copy."""
    world.stop_gateway()
    shutil.copytree(world.path("store"), world.path("copy"))
    world.start_gateway()


def _put_back(world):
    world.stop_gateway()
    shutil.rmtree(world.path("store"))
    os.rename(world.path("copy"), world.path("store"))
    world.start_gateway()


def _new_store(world):
    """As on a machine on which nothing but the configuration is left."""
    world.stop_gateway()
    for path in glob.glob(world.path("store") + "*"):
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    world.start_gateway()


def _test_login(config):
    config["logins"][0]["test"] = True
    config["logins"][0]["trust_anchors"] = config["logins"][0]["trust_anchors"].replace("root.pem", "test-root.pem")


@pytest.mark.parametrize("way", ["cp", "nothing left"])
@pytest.mark.parametrize("kind", ["live", "test"])
def test_an_older_copy_buys_nothing_before_it_is_reconciled(make_world, way, kind):
    """A copy that was made by other means than backup, or a store that began anew, is noticed at the start."""
    def change(config):
        _eager(config)
        if kind == "test":
            _test_login(config)
    world = make_world(change=change)
    client = _client(world)
    _recalled(world)
    _order(world, client, _names("before"))
    if way == "cp":
        _take_copy(world)
        client.reconnect()
    _order(world, client, _names("lost"))
    _put_back(world) if way == "cp" else _new_store(world)
    client = _client(world)
    lost = 1 if way == "cp" else 2
    login = _recalled(world)
    numbers = {order["orderNumber"] for order in world.ledger()}
    assert (login["state"], login["forgotten_orders"]) == ("behind", lost) and set(login["note"].split()) <= numbers
    world.wait_log(lambda line: line.get("level") == "error" and "older copy" in line["msg"])
    url = _order(world, client, _names("lost"), "held")
    assert "upstream reconcile" in _await_state(world, url, "held")["note"]
    world.restart_gateway()
    client.reconnect()
    assert _recalled(world)["state"] == "behind", "also after another start"

    ctl(world, "upstream", "reconcile", "main")
    login = _await_login(world, lambda login: login["reconciled_ms"])
    assert (login["state"], login["imported"], login["forgotten_orders"]) == ("open", lost, 0)
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    for names in (_names("before"), _names("lost"), _names("fresh")):
        _order(world, client, names)
    assert world.requests()["AutoApplyOrder"] == 3
    world.restart_gateway()
    assert _recalled(world)["state"] == "open"


def test_a_cloned_machine(make_world):
    """Two of one store: what the first bought since the clone was made, the second finds at its start."""
    world = make_world(change=_eager)
    client = _client(world)
    _take_copy(world)
    client.reconnect()
    for word in ("one", "two"):
        _order(world, client, _names(word))
    _put_back(world)  # the clone, in the place of the first
    client.reconnect()
    url = _order(world, client, _names("one"), "held")
    _await_state(world, url, "held")
    assert _login(world)["forgotten_orders"] == 2 and world.requests()["AutoApplyOrder"] == 2


def test_purchases_wait_for_a_report_that_can_be_read(make_world):
    """What is free goes on meanwhile, and the client feels nothing but the time."""
    world = make_world(change=_eager)
    client = _client(world)
    _order(world, client, _names("owned"))
    world.stop_gateway()
    world.set_faults({"endpoint": "WebHostReport", "action": "html-after-accept", "times": -1})
    world.start_gateway()
    client.reconnect()
    world.wait_log(lambda line: "orders that the store does not know" in line.get("msg", "") and
                   "tried again" in line["msg"])
    assert _login(world)["state"] == "asking"
    _order(world, client, _names("owned"))
    url = _order(world, client, _names("fresh"), "waits")
    assert "report has been asked" in wait_for("the note", lambda: ctl_json(
        world, "order", "show", url.rsplit("/", 1)[1])["issuance"]["note"])
    assert world.requests()["AutoApplyOrder"] == 1
    with requests.Session() as session:
        session.trust_env = False
        session.delete(world.sandbox_url + "/sandbox/faults", verify=world.path("sandbox/tls-ca.pem"), timeout=30)
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    assert _login(world)["state"] == "open"


def test_a_report_without_foreign_order_numbers_proves_nothing(make_world):
    """Others' orders and none of ours, on an account whose report never said a number: the operator decides, once."""
    def change(config):
        _eager(config)
        config["logins"][0]["report_foreign_order_number"] = told
    told = True
    world = make_world(change=change)
    world.stop_gateway()
    world.set_settings(reportForeignOrderNumber=False)
    world.order_by_hand("hand." + ZONE, make_csr(["hand." + ZONE]))
    world.start_gateway()
    login = _await_login(world, lambda login: login["note"])
    assert login["state"] == "asking" and "report_foreign_order_number" in login["note"]
    client = _client(world)
    url = _order(world, client, _names("waits"), "waits")
    ctl(world, "upstream", "resume", "main")
    assert "BEGIN CERTIFICATE" in client.certificate(url)
    told = False
    world.write_config()
    world.restart_gateway()
    client.reconnect()
    assert _login(world)["state"] == "open"
    _order(world, client, _names("told"))

    world.set_settings(reportForeignOrderNumber=True)
    told = True
    world.write_config()
    world.restart_gateway()
    assert _recalled(world)["state"] == "open", "the report says of our orders that they are ours"


def test_orders_of_others_do_not_matter_where_reports_say_numbers(make_world):
    world = make_world(change=_eager)
    client = _client(world)
    _order(world, client, _names("ours"))
    world.order_by_hand("hand." + ZONE, make_csr(["hand." + ZONE]))
    world.restart_gateway()
    client.reconnect()
    assert _recalled(world)["state"] == "open"
    _order(world, client, _names("fresh"))
