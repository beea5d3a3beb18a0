"""deploy/kubernetes: the manifests are whole and refer to each other, and are what acmegatectl prints for a new key."""

import glob
import ipaddress
import os
import re

import pytest
import requests
import yaml

from process import Process, run
from sandbox_client import wait_for
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
    "Service": ["metadata.namespace", "spec.ports"],
    "EndpointSlice": ["metadata.namespace", "metadata.labels", "addressType", "ports", "endpoints"],
    "Ingress": ["metadata.namespace", "spec.ingressClassName", "spec.rules"],
    "ConfigMap": ["metadata.namespace", "data"],
    "HTTPRoute": ["metadata.namespace", "spec.parentRefs", "spec.hostnames", "spec.rules"],
    "IngressRoute": ["metadata.namespace", "spec.entryPoints", "spec.routes"],
}
VERSIONS = {"Secret": "v1", "Service": "v1", "ConfigMap": "v1", "EndpointSlice": "discovery.k8s.io/v1",
            "Ingress": "networking.k8s.io/v1", "HTTPRoute": "gateway.networking.k8s.io/v1",
            "IngressRoute": "traefik.io/v1alpha1", "ClusterIssuer": "cert-manager.io/v1",
            "Certificate": "cert-manager.io/v1"}
VALIDATION = "/.well-known/pki-validation/"


HTTP = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
{servers}}}
"""
SERVER = """server {{
    listen 127.0.0.1:{port};
    server_name {host};
    location / {{
        return 308 https://$host$request_uri;
    }}
    {snippet}
}}
"""


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


def _backend(manifests):
    """(name, port) of the Service, whose addresses are those of the EndpointSlice."""
    service, endpoints = manifests["Service"], manifests["EndpointSlice"]
    [port] = _at(service, "spec.ports")
    assert "selector" not in service["spec"] and "type" not in service["spec"]  # ExternalName: not with Gateway API
    assert endpoints["metadata"]["labels"] == {"kubernetes.io/service-name": service["metadata"]["name"]}
    assert endpoints["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert endpoints["ports"] == [{"name": port["name"], "port": port["targetPort"]}]
    [endpoint] = endpoints["endpoints"]
    assert [str(ipaddress.ip_address(address)) for address in endpoint["addresses"]] == ["192.0.2.80"]
    return service["metadata"]["name"], port["port"]


def _hosts(manifests):
    """That cert-manager is asked for: each needs the path."""
    return _at(manifests["Certificate"], "spec.dnsNames")


def test_ingress_hands_on_the_path_of_each_host(manifests):
    """An Ingress without a host gives nothing to a host that has its own (kubernetes/ingress-nginx 4071, 7072)."""
    ingress, (name, port) = manifests["Ingress"], _backend(manifests)
    rules = _at(ingress, "spec.rules")
    assert [rule["host"] for rule in rules] == _hosts(manifests)
    for rule in rules:
        assert rule["http"]["paths"] == [{"path": VALIDATION, "pathType": "Prefix",
                                          "backend": {"service": {"name": name, "port": {"number": port}}}}]
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/ssl-redirect"] == "false"


def test_httproute_hands_on_the_path_of_each_host(manifests):
    """A route without hostnames would lose against the "/" of each host's own, as the more specific hostname wins."""
    route, (name, port) = manifests["HTTPRoute"], _backend(manifests)
    assert _at(route, "spec.hostnames") == _hosts(manifests) and len(_hosts(manifests)) <= 16
    assert _at(route, "spec.rules") == [{"matches": [{"path": {"type": "PathPrefix", "value": VALIDATION}}],
                                         "backendRefs": [{"name": name, "port": port}]}]
    [parent] = _at(route, "spec.parentRefs")
    assert set(parent) == {"name", "namespace", "sectionName"}  # one listener: that of port 80


def test_ingressroute_comes_before_every_host(manifests):
    """Without a priority Traefik takes the route with the longest rule."""
    [route] = _at(manifests["IngressRoute"], "spec.routes")
    name, port = _backend(manifests)
    assert route["match"] == f"PathPrefix(`{VALIDATION}`)" and route["kind"] == "Rule"
    assert route["services"] == [{"name": name, "port": port}]
    longest = "Host(`" + "x" * 253 + f"`) && PathPrefix(`{VALIDATION}`)"
    assert route["priority"] > len(longest)


def test_the_backend_is_in_the_namespace_of_what_refers_to_it(manifests):
    namespace = _at(manifests["Service"], "metadata.namespace")
    for kind in ("Ingress", "HTTPRoute", "IngressRoute"):
        assert _at(manifests[kind], "metadata.namespace") == namespace, kind


def test_server_snippet_in_a_real_nginx(manifests, tmp_path):
    """As ingress-nginx puts it: into every server block, where the redirect to HTTPS is in the locations of the hosts."""
    world, folder = World(tmp_path), str(tmp_path)
    snippet = _at(manifests["ConfigMap"], "data.server-snippet")
    assert snippet.count("192.0.2.80:80") == 1
    port = world.ports["web"]
    servers = "".join(SERVER.format(port=port, host=host, snippet=snippet.replace(
        "192.0.2.80:80", f"127.0.0.1:{world.ports['public']}")) for host in ("_", *_hosts(manifests)))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(HTTP.format(folder=folder, servers=servers))
    nginx = Process("nginx", ["/usr/sbin/nginx", "-p", folder, "-c", path], folder)
    try:
        for host in ("another.example.org", *_hosts(manifests)):
            url, headers = f"http://127.0.0.1:{port}", {"Host": host}
            wait_for("nginx", lambda: _answers(url))
            answer = requests.get(url + VALIDATION + "x.txt", headers=headers, timeout=30, allow_redirects=False)
            assert (answer.status_code, answer.text) == (404, "no such file\n"), host
            answer = requests.get(url + "/", headers=headers, timeout=30, allow_redirects=False)
            assert answer.status_code == 308, host
    finally:
        nginx.stop()
        world.close()


def _answers(url):
    try:
        return requests.get(url, timeout=30, allow_redirects=False)
    except requests.ConnectionError:
        return None


def test_readme_lists_every_file():
    with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
        text = file.read()
    for path in glob.glob(os.path.join(FOLDER, "*.yaml")):
        assert f"`{os.path.basename(path)}`" in text, path


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
