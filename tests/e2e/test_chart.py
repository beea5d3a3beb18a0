"""deploy/kubernetes/chart without helm: its values are what its schema and its templates say, and the configuration in
them is one that the gateway takes. (tests/interop/helm renders it.)"""

import glob
import json
import os
import re

import jsonschema
import pytest
import yaml

from loopback import release_port, take_port
from pki import ListenerPki
from process import run
from world import program

CHART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "kubernetes", "chart")


def _read(*path):
    with open(os.path.join(CHART, *path), encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module")
def values():
    return yaml.safe_load(_read("values.yaml"))


@pytest.fixture(scope="module")
def schema():
    return json.loads(_read("values.schema.json"))


def _paths(value, above=""):
    """Of every value, with those above it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{above}.{key}" if above else key
            yield path
            yield from _paths(inner, path)


def test_values_are_what_their_schema_says(values, schema):
    jsonschema.validate(values, schema)


@pytest.mark.parametrize("wrong", [{"persistance": {}}, {"url": "http://acme.example.org"}, {"url": "https://a/b"},
                                   {"persistence": {"accessModes": ["ReadWriteMany"]}}, {"secrets": ["Not A Name"]},
                                   {"podDisruptionBudget": {"maxUnavailable": 2}}])
def test_schema_refuses(values, schema, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values, **wrong}, schema)


def test_every_value_is_used_and_every_use_has_a_value(values):
    """A value with entries of the operator's own (annotations, solvers) is used whole."""
    templates = "".join(_read("templates", os.path.basename(path)) for path in glob.glob(f"{CHART}/templates/*"))
    templates = templates.replace("$root.Values", ".Values").replace("$.Values", ".Values") + values["config"]
    used = set(re.findall(r"\.Values\.([A-Za-z.]+)", templates))
    known = set(_paths(values))
    assert used <= known, f"no such values: {sorted(used - known)}"
    for path in known:
        assert any(one == path or one.startswith(path + ".") or path.startswith(one + ".") for one in used), path


def test_the_store_is_one_machines(values):
    """Two pods on one store would be two buyers."""
    assert re.search(r"^  replicas: 1$", _read("templates", "statefulset.yaml"), re.M)
    assert set(values["persistence"]["accessModes"]) <= {"ReadWriteOnce", "ReadWriteOncePod"}


def test_configuration_is_one_that_the_gateway_takes(values, tmp_path):
    pki = ListenerPki(str(tmp_path))
    folder = str(tmp_path)
    config = values["config"].replace("{{ .Values.url }}", "https://localhost")
    for place, here in (("/etc/acmegate/tls/tls.crt", pki.certificate), ("/etc/acmegate/tls/tls.key", pki.key),
                        ("/usr/share/acmegate/sectigo-roots.pem", pki.ca), ("/var/lib/acmegate", folder),
                        ("/run/acmegate", folder), ("/etc/acmegate/secrets", folder)):
        config = config.replace(place, here)
    ports = [take_port() for _ in range(3)]
    for port, free in zip(("8443", "8080", "9464"), ports):
        config = config.replace(f"0.0.0.0:{port}", f"127.0.0.1:{free}")
    assert "{{" not in config
    for name in ("sectigo-password", "push-password"):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("a-password\n")
    path = os.path.join(folder, "acmegate.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config)
    done = run([program("acmegate"), "--check-config", "--config", path], folder)
    for port in ports:
        release_port(port)
    assert done.returncode == 0, done.output


def test_version_is_that_of_the_tree():
    with open(os.path.join(CHART, "..", "..", "..", "CMakeLists.txt"), encoding="utf-8") as file:
        version = re.search(r"project\(acmegate VERSION ([0-9.]+)", file.read()).group(1)
    assert yaml.safe_load(_read("Chart.yaml"))["appVersion"] == version
