"""What stops the start: one clear line, and never a half-started gateway."""

import copy
import os
import re
import shutil

import pytest
import yaml

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from process import TESTS, run
from world import IN_MEMORY, log_of, program


def _refused(world, config, *words):
    """Writes the configuration (a dictionary or text) and expects one line of complaint with these words."""
    path = world.path("wrong.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False))
    for arguments in (["--check-config"], []):
        done = world.run_gateway("--config", path, *arguments)
        assert done.returncode not in (0, -6, -11), done.output
        lines = [line for line in done.output.splitlines() if line.strip() and IN_MEMORY not in line]
        assert len(lines) == 1, done.output
        for word in words:
            assert word in lines[0], done.output


def _changed(world, *path_and_value):
    config = copy.deepcopy(world.config())
    *path, last, value = path_and_value
    place = config
    for key in path:
        place = place[key]
    place[last] = value
    return config


def test_good_configuration_is_accepted(stopped):
    done = stopped.run_gateway("--config", stopped.path("acmegate.yaml"), "--check-config")
    assert done.returncode == 0, done.output


def test_version(stopped):
    done = stopped.run_gateway("--version")
    assert done.returncode == 0 and done.output.startswith("acmegate "), done.output


@pytest.mark.parametrize("path_and_value, word", [
    (("colour", "red"), "colour"), (("acme", "tokens", 1), "tokens"), (("acme", "threads", "12abc"), "threads"),
    (("acme", "threads", -1), "threads"), (("acme", "url", "http://127.0.0.1"), "url"),
    (("acme", "listen", ["nowhere"]), "listen"), (("acme", "hold_finalize", "20"), "hold_finalize"),
    (("acme", "hold_finalize", "1d"), "hold_finalize"), (("acme", "identifiers_max", 1000), "identifiers_max"),
    (("store", "map_size", "many"), "map_size"), (("dcv", "preflight", "perhaps"), "preflight"),
    (("dcv", "http_port", 70000), "http_port"), (("validation", "challenges", ["http-02"]), "challenges"),
    (("default_profile", "none"), "default_profile"), (("logins", 0, "test", "banana"), "test"),
    (("logins", 0, "password_file", "/nonexistent"), "password_file"),
    (("profiles", 0, "login", "nobody"), "login"), (("profiles", 0, "days", 0), "days"),
    (("profiles", []), "profiles"), (("public", "push", "allow", ["300.1.1.1"]), "allow"),
    (("acme", "tls", "certificate", "/nonexistent.pem"), "certificate"),
], ids=lambda v: ".".join(map(str, v[:-1])) if isinstance(v, tuple) else None)
def test_wrong_values_are_named_with_file_and_line(stopped, path_and_value, word):
    config = _changed(stopped, *path_and_value)
    text = yaml.safe_dump(config, sort_keys=False)
    lines = [i for i, one in enumerate(text.splitlines(), 1) if one.strip(" -").startswith(word + ":")]
    if isinstance(path_and_value[-1], list) and path_and_value[-1]:
        lines = [i + 1 for i in lines]  # of the item, which stands below its key
    _refused(stopped, config, "wrong.yaml", word)
    done = stopped.run_gateway("--config", stopped.path("wrong.yaml"), "--check-config")
    assert any(f"wrong.yaml:{n}: " in done.output for n in lines), f"line {lines} expected:\n{done.output}"


@pytest.mark.parametrize("text", ["", "# nothing\n", "acme: [", "- a\n- b\n", "tls:\n"],
                         ids=["empty", "comments", "half", "a list", "nothing under a key"])
def test_files_that_are_no_configuration(stopped, text):
    _refused(stopped, text, "wrong.yaml")


def test_missing_file(stopped):
    done = stopped.run_gateway("--config", stopped.path("absent.yaml"))
    assert done.returncode != 0 and "absent.yaml" in done.output
    assert len(done.output.splitlines()) == 1, done.output


def test_address_in_use(stopped):
    config = _changed(stopped, "public", "listen", [f"127.0.0.1:{stopped.ports['sandbox']}"])
    _refused(stopped, config, str(stopped.ports["sandbox"]), "public.listen[1]")


@pytest.mark.lmdb("the lock in its folder")
def test_one_daemon_per_store(make_world):
    world = make_world()
    done = world.run_gateway("--config", world.path("acmegate.yaml"))
    assert done.returncode != 0
    lines = [line for line in done.output.splitlines() if line.strip() and IN_MEMORY not in line]
    assert len(lines) == 1 and world.path("store") in lines[0], done.output
    assert log_of(lines[0]).get("msg") != "ready"


@pytest.mark.lmdb("a folder of its own")
def test_store_of_a_newer_schema(stopped):
    path = stopped.path("future")
    made = run([program("e2e/newer_store"), path], stopped.folder)
    assert made.returncode == 0, made.output
    _refused(stopped, _changed(stopped, "store", "path", path), path, "newer", "store.path")
    shutil.rmtree(path)


@pytest.mark.lmdb("a folder of its own")
def test_store_that_cannot_be_made(stopped):
    path = stopped.path("absent/store")
    _refused(stopped, _changed(stopped, "store", "path", path), stopped.path("absent"), "store.path")


EXAMPLE = os.path.join(TESTS, "..", "deploy", "acmegate.yaml")


def _example(stopped):
    """The example configuration with the files of this world in place of those that it names."""
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    for name, path in (("certificate", stopped.pki.certificate), ("key", stopped.pki.key),
                       ("password_file", stopped.path("login-password")), ("trust_anchors", stopped.root),
                       ("trust_anchor", stopped.path("root.key")), ("path", stopped.path("example-store"))):
        text = re.sub(rf"^( *{name}:) /\S+", rf"\1 {path}", text, flags=re.M)
    with open(stopped.path("root.key"), "w", encoding="utf-8") as file:
        file.write(". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
    return re.sub(r"^  listen: .*", '  listen: ["127.0.0.1:0"]', text, flags=re.M)


def test_example_configuration_is_accepted(stopped):
    path = stopped.path("example.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(_example(stopped))
    done = stopped.run_gateway("--config", path, "--check-config")
    assert done.returncode == 0, done.output


@pytest.mark.lmdb("cuts its file short")
def test_every_record_can_be_read(make_world):
    """Beside the daemon, and where it has stopped."""
    world = make_world()
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(["whole." + ZONE], responder)
    assert client.finalize(order, make_csr(["whole." + ZONE])).status_code == 200
    client.certificate(url)
    for stop in (False, True):
        if stop:
            world.stop_gateway()
        done = world.run_gateway("--config", world.path("acmegate.yaml"), "--verify-store")
        assert done.returncode == 0 and re.search(r": [1-9]\d* records read, 0 at fault$", done.output.strip()), done.output
    data = world.path("store/data.mdb")
    os.truncate(data, os.path.getsize(data) // 2)
    done = world.run_gateway("--config", world.path("acmegate.yaml"))
    assert done.returncode == 1 and "cut short" in done.output, done.output
