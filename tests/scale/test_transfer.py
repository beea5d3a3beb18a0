"""A store of many orders moves into a database and back: what comes out is octet for octet what went in.

ACMEGATE_TRANSFER_ORDERS says how many (5,000; tests/scale/run transfer: 100,000)."""

import contextlib
import hashlib
import os
import struct
import time

import pytest
import yaml

from process import run
from server import running
from world import World, program

ORDERS = int(os.environ.get("ACMEGATE_TRANSFER_ORDERS", "5000"))
RECORDS_AN_ORDER = 5  # at the least
LIMIT_S = 60 + ORDERS // 50  # of each step, whatever else the machine does
MAGIC, DIGEST = 16, 32


@pytest.fixture
def world(tmp_path):
    with contextlib.closing(World(tmp_path)) as made:
        made.stop_gateway()
        run_long([program("bench/generate"), "--store", made.path("store"), "--endpoint", made.sandbox_url, "--orders",
                  str(ORDERS)], made)
        yield made


def run_long(argv, world):
    done = run(argv, world.folder, timeout=LIMIT_S)
    assert done.returncode == 0, done.output
    return done.output


def _config(world, name, store):
    with open(world.path("acmegate.yaml"), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["store"] = {"key_file": world.path("store.key"), **store}
    with open(world.path(f"{name}.yaml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    return world.path(f"{name}.yaml")


def _lmdb(world, name):
    return _config(world, name, {"engine": "lmdb", "path": world.path(name), "map_size": "8GiB"})


def _step(world, config, option, file):
    began = time.monotonic()
    assert "compared one by one" in run_long([program("acmegate"), "--config", config, option, file], world)
    took = time.monotonic() - began
    print(f"{os.path.basename(config)} {option}: {ORDERS} orders in {took:.1f} s, {ORDERS / took:.0f} a second")


def _header(file):
    """What says which store it is and what its tables are, without when it was written (store/dump.h)."""
    begin = file.read(MAGIC + 4 + 4 + 16)
    file.read(8)
    [tables] = struct.unpack(">I", file.read(4))
    names = [file.read(file.read(5)[4]) for _ in range(tables)]
    file.read(DIGEST)
    return begin, names


def _content(path):
    """The header, how many records there are, and a digest of all of them in their tables."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        header = _header(file)
        left = os.path.getsize(path) - file.tell() - DIGEST
        tail = b""
        while left > 0:
            octets = file.read(min(left, 1 << 20))
            digest.update(octets)
            left -= len(octets)
            tail = (tail + octets)[-8:]
    return header, struct.unpack(">Q", tail)[0], digest.digest()


def test_there_and_back_again(world):
    before, after = _lmdb(world, "store"), _lmdb(world, "back")
    files = [world.path(name) for name in ("out", "between", "again")]
    with running() as server:
        database = _config(world, "database", {"engine": "postgresql", "postgresql": {
            "connection": server.connection, "schema": "moved"}})
        _step(world, before, "--export-store", files[0])
        _step(world, database, "--import-store", files[0])
        _step(world, database, "--export-store", files[1])
        _step(world, after, "--import-store", files[1])
        _step(world, after, "--export-store", files[2])
    first, *others = map(_content, files)
    assert first[1] > ORDERS * RECORDS_AN_ORDER
    assert others == [first, first]
