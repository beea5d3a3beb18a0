"""A store moves to a database and back: clients notice nothing, what was paid for is known, and the place that it left
buys nothing any more."""

import contextlib
import os
import sys

import pytest
import yaml

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from world import World

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postgresql"))
from server import running  # noqa: E402

pytestmark = pytest.mark.lmdb("begins with a store of its own")

NAME = "moved." + ZONE


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


@pytest.fixture
def world(tmp_path):
    with contextlib.closing(World(tmp_path)) as made:
        yield made


def _config_for(world, name, store):
    """A configuration that differs in its store alone."""
    with open(world.path("acmegate.yaml"), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["store"] = {"key_file": world.path("store.key"), **store}
    path = world.path(name)
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    return path


def _database(world, server, schema):
    return _config_for(world, f"{schema}.yaml",
                       {"engine": "postgresql", "postgresql": {"connection": server.connection, "schema": schema}})


def _lmdb(world, name):
    return _config_for(world, f"{name}.yaml", {"engine": "lmdb", "path": world.path(name), "map_size": "256MiB"})


def _say(world, config, *arguments, status=0):
    done = world.run_gateway("--config", config, *arguments)
    assert done.returncode == status, done.output
    return done.output


def _move(world, source, target, name):
    file = world.path(name)
    assert "compared one by one" in _say(world, source, "--export-store", file)
    assert "compared one by one" in _say(world, target, "--import-store", file)
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert "was exported at" in _say(world, source, status=1)
    assert "was exported at" in _say(world, source, "--check-config", status=1)


def _serve_by(world, config):
    os.replace(config, world.path("acmegate.yaml"))
    world.start_gateway()


def _finalize(world, client):
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order([NAME], responder)
    assert client.finalize(order, make_csr([NAME])).status_code == 200
    return client.certificate(url)


def test_there_and_back(world, server):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    _finalize(world, client)
    world.stop_gateway()
    before = _config_for(world, "before.yaml", world.store())
    database, back = _database(world, server, "there"), _lmdb(world, "back")
    _move(world, before, database, "there.store")
    assert " 0 at fault" in _say(world, database, "--verify-store")
    _serve_by(world, database)
    _finalize(world, client)
    database = _database(world, server, "there")
    assert "owns this store" in _say(world, database, "--export-store", world.path("early.store"), status=1)
    world.stop_gateway()
    _move(world, database, back, "back.store")
    _serve_by(world, back)
    _finalize(world, client)
    assert len(world.bought([NAME])) == 1, "renewals are replacements, wherever the store is"


def test_what_is_refused(world, server):
    world.stop_gateway()
    before, other = _config_for(world, "before.yaml", world.store()), _database(world, server, "refused")
    file = world.path("whole.store")
    _say(world, before, "--export-store", file)
    assert "there already" in _say(world, before, "--export-store", file, status=1)
    with open(file, "rb") as source:
        octets = source.read()
    for cut, words in ((octets[:-40], "cut short"), (octets[:-1] + bytes([octets[-1] ^ 1]), "changed"),
                       (b"#!/bin/sh\n" * 9, "no store that was exported")):
        with open(world.path("bad.store"), "wb") as bad:
            bad.write(cut)
        assert words in _say(world, other, "--import-store", world.path("bad.store"), status=1)
    _say(world, other, "--import-store", file)
    assert "store with records" in _say(world, other, "--import-store", file, status=1)
    # told to, the old one goes on: as a copy, which buys nothing before it has asked
    assert "from now on" in _say(world, before, "--init")
    _serve_by(world, before)
    world.wait_log(lambda line: "copy" in line.get("msg", "") or "reconcile" in line.get("msg", ""))
