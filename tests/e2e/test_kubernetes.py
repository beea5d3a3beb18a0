"""deploy/kubernetes: the manifests are whole and refer to each other, and are what acmegatectl prints for a new key."""

import glob
import os
import re

import pytest
import yaml

from process import run
from world import World, program

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "kubernetes")
# What each kind cannot do without, as paths through its document.
REQUIRED = {
    "Secret": ["metadata.namespace", "stringData"],
    "ClusterIssuer": ["spec.acme.server", "spec.acme.privateKeySecretRef.name",
                      "spec.acme.externalAccountBinding.keyID", "spec.acme.externalAccountBinding.keySecretRef.name",
                      "spec.acme.externalAccountBinding.keySecretRef.key", "spec.acme.solvers"],
    "Certificate": ["metadata.namespace", "spec.secretName", "spec.dnsNames", "spec.issuerRef.name",
                    "spec.issuerRef.kind", "spec.issuerRef.group"],
    "Service": ["spec.type", "spec.externalName", "spec.ports"],
    "Ingress": ["spec.ingressClassName", "spec.rules"],
}
VERSIONS = {"Secret": "v1", "Service": "v1", "Ingress": "networking.k8s.io/v1", "ClusterIssuer": "cert-manager.io/v1",
            "Certificate": "cert-manager.io/v1"}


def _at(document, path):
    for step in path.split("."):
        document = document[step]
    return document


@pytest.fixture(scope="module")
def manifests():
    """Kind to document; each kind is there once."""
    found = {}
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.yaml"))):
        with open(path, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                assert document["kind"] not in found, path
                found[document["kind"]] = document
    return found


def _check_required(kind, document):
    assert document["apiVersion"] == VERSIONS[kind]
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])
    for path in REQUIRED[kind]:
        assert _at(document, path), path


def _check_key(issuer, secret):
    """The issuer finds the key in the Secret."""
    reference = _at(issuer, "spec.acme.externalAccountBinding.keySecretRef")
    assert reference["name"] == secret["metadata"]["name"]
    assert list(secret["stringData"]) == [reference["key"]]


def test_every_kind_has_what_it_needs(manifests):
    assert set(manifests) == set(REQUIRED)
    for kind, document in manifests.items():
        _check_required(kind, document)


def test_they_refer_to_each_other(manifests):
    issuer, certificate = manifests["ClusterIssuer"], manifests["Certificate"]
    _check_key(issuer, manifests["Secret"])
    assert _at(certificate, "spec.issuerRef") == {"group": "cert-manager.io", "kind": "ClusterIssuer",
                                                  "name": issuer["metadata"]["name"]}
    assert "duration" not in certificate["spec"], "acmegate refuses an order that asks for dates"


def test_solvers_of_known_kinds(manifests):
    solvers = _at(manifests["ClusterIssuer"], "spec.acme.solvers")
    assert [set(solver) - {"selector"} for solver in solvers] == [{"dns01"}, {"http01"}]
    rfc2136 = solvers[0]["dns01"]["rfc2136"]
    assert rfc2136["tsigAlgorithm"] in ("HMACSHA256", "HMACSHA512")
    assert set(rfc2136) == {"nameserver", "tsigKeyName", "tsigAlgorithm", "tsigSecretSecretRef"}


def test_ingress_hands_on_the_path_for_every_host(manifests):
    ingress, service = manifests["Ingress"], manifests["Service"]
    [rule] = _at(ingress, "spec.rules")
    assert "host" not in rule
    [path] = rule["http"]["paths"]
    assert path["path"] == "/.well-known/pki-validation/" and path["pathType"] == "Prefix"
    assert path["backend"]["service"] == {"name": service["metadata"]["name"],
                                          "port": {"number": service["spec"]["ports"][0]["port"]}}
    assert service["spec"]["type"] == "ExternalName"
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/ssl-redirect"] == "false"


def test_acmegatectl_prints_the_same_for_a_new_key(manifests, tmp_path):
    world = World(tmp_path)
    try:
        done = run([program("acmegatectl"), "--socket", world.path("admin.sock"), "eab", "create", "default"],
                   world.folder)
        assert done.returncode == 0, done.output
        issuer, secret = _printed(done.output)
        directory = world.directory
    finally:
        world.close()
    assert _at(issuer, "spec.acme.server") == directory
    for printed in (issuer, secret):
        ours = manifests[printed["kind"]]
        _check_required(printed["kind"], printed)
        assert printed["metadata"] == ours["metadata"]
    _check_key(issuer, secret)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret["stringData"]["secret"])


def _printed(output):
    """The ClusterIssuer and the Secret that stand at the end of what acmegatectl wrote."""
    documents = {document["kind"]: document for document in yaml.safe_load_all(output[output.index("apiVersion:"):])}
    return documents["ClusterIssuer"], documents["Secret"]
