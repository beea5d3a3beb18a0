"""A gateway without its memory buys nothing: no new store where there was one, and no purchase before Sectigo's report
has been asked whether it knows more than the store."""

import glob
import os
import shutil

import pytest

from acme_client import make_csr
from dns_server import ZONE
from process import run
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_reconcile import _await_login, _await_state, _client, _login, _order
from world import program


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
