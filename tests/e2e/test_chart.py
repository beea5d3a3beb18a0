"""deploy/kubernetes/chart without helm: its values are what its schema and its templates say, and the configuration in
them is one that the gateway takes. (tests/interop/helm renders it.)"""

import glob
import json
import os
import pwd
import re
import sys

import jsonschema
import pytest
import yaml

from loopback import release_port, take_port
from pki import ListenerPki
from process import run
from world import program

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postgresql"))
from server import running  # noqa: E402

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


@pytest.fixture(scope="module")
def three():
    return yaml.safe_load(_read("three-replicas.yaml"))


def _paths(value, above=""):
    """Of every value, with those above it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = f"{above}.{key}" if above else key
            yield path
            yield from _paths(inner, path)


def test_values_are_what_their_schema_says(values, three, schema):
    jsonschema.validate(values, schema)
    jsonschema.validate({**values, **three}, schema)


@pytest.mark.parametrize("wrong", [{"persistance": {}}, {"url": "http://acme.example.org"}, {"url": "https://a/b"},
                                   {"persistence": {"accessModes": ["ReadWriteMany"]}}, {"secrets": ["Not A Name"]},
                                   {"podDisruptionBudget": {"maxUnavailable": 2}},
                                   {"database": {"enabled": False, "replicas": 2}},
                                   {"database": {"enabled": True, "replicas": 0}}])
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


def test_several_share_a_database(three):
    """They serve on while they pause before their end, are spread, and go without being waited for."""
    workload = _read("templates", "statefulset.yaml")
    database, lmdb = workload.index("kind: Deployment"), workload.index("kind: StatefulSet")
    assert database < lmdb
    for line in ("maxSurge: 100%, maxUnavailable: 100%", "topologyKey: kubernetes.io/hostname",
                 'ternary "port: metrics" "port: acme, scheme: HTTPS" $database.enabled',
                 "httpGet: {path: /readyz, {{ $probed }}}", "httpGet: {path: /healthz, {{ $probed }}}",
                 "terminationGracePeriodSeconds: {{ add 60 $pause }}", "command: [sleep, {{ $pause | quote }}]"):
        assert line in workload, line
    assert "unhealthyPodEvictionPolicy: AlwaysAllow" in _read("templates", "poddisruptionbudget.yaml")
    config = yaml.safe_load(three["config"].replace("{{ .Values.url }}", "https://localhost"))
    assert config["store"]["engine"] == "postgresql" and config["store"]["postgresql"]["share"] is True
    assert config["metrics"]["listen"] == ["0.0.0.0:9464"] and "tls" not in config["metrics"]
    assert three["database"]["replicas"] == 3 and three["database"]["enabled"]


def _check_config(config, tmp_path, changes=()):
    """acmegate --check-config, with what is on this machine in place of what is in the pod."""
    pki = ListenerPki(str(tmp_path))
    folder = str(tmp_path)
    for was, here in (("{{ .Values.url }}", "https://localhost"), *changes, ("/etc/acmegate/tls/tls.crt", pki.certificate),
                      ("/etc/acmegate/tls/tls.key", pki.key), ("/usr/share/acmegate/sectigo-roots.pem", pki.ca),
                      ("/var/lib/acmegate", folder), ("/run/acmegate", folder), ("/etc/acmegate/secrets", folder)):
        assert was in config or was == "/var/lib/acmegate", was
        config = config.replace(was, here)
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
    init = run([program("acmegate"), "--init", "--config", path], folder) if changes else done
    for port in ports:
        release_port(port)
    return done, init


def test_configuration_is_one_that_the_gateway_takes(values, tmp_path):
    done, _ = _check_config(values["config"], tmp_path)
    assert done.returncode == 0, done.output


def test_configuration_of_several_is_one_that_the_gateway_takes(three, tmp_path):
    """The key file is there before the store, so that the store is made by --init alone."""
    key = os.path.join(str(tmp_path), "store.key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(os.urandom(32))
    if os.geteuid() == 0:  # as a Secret is there in a pod: another's, and our group's to read
        os.chown(key, pwd.getpwnam("nobody").pw_uid, -1)
        os.chmod(key, 0o440)
    connection = yaml.safe_load(three["config"].replace("{{ .Values.url }}", "x"))["store"]["postgresql"]["connection"]
    with running() as server:
        done, init = _check_config(three["config"], tmp_path, [(connection, server.connection)])
        assert done.returncode == 1 and "acmegate --init" in done.output, done.output
        assert init.returncode == 0, init.output
        done = run([program("acmegate"), "--check-config", "--config", os.path.join(str(tmp_path), "acmegate.yaml")],
                   str(tmp_path))
        assert done.returncode == 0, done.output


def test_version_is_that_of_the_tree():
    with open(os.path.join(CHART, "..", "..", "..", "CMakeLists.txt"), encoding="utf-8") as file:
        version = re.search(r"project\(acmegate VERSION ([0-9.]+)", file.read()).group(1)
    assert yaml.safe_load(_read("Chart.yaml"))["appVersion"] == version
