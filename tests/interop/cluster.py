"""A Kubernetes cluster without nodes, on loopback: etcd, kube-apiserver, and cert-manager's controllers where a test wants
them. tests/interop/cert-manager builds the programs."""

import base64
import glob
import json
import os
import shutil
import tempfile

import requests
import urllib3
import yaml

from loopback import release_port, take_port
from matrix import wait_for
from process import Process, run

TOKEN = "of-the-tests"
ISSUERS = "/apis/cert-manager.io/v1/clusterissuers"
CERTIFICATES = "/apis/cert-manager.io/v1/namespaces/default/certificates"
SECRETS = "/api/v1/namespaces/{}/secrets"


class Cluster:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cluster-")
        self.ports = {name: take_port() for name in ("etcd", "peer", "api")}
        self.api = requests.Session()
        self.api.trust_env, self.api.verify = False, False  # its certificate is of this minute, for this test
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.api.headers["Authorization"] = f"Bearer {TOKEN}"
        self.programs = [self._start_etcd(), self._start_apiserver()]
        self.controller = None
        wait_for("kube-apiserver", self._is_ready, timeout=300)
        self.create("/api/v1/namespaces", {"metadata": {"name": "cert-manager"}})
        self._define()

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{self.ports[name]}" for name in ("etcd", "peer"))
        return Process("etcd", ["etcd", "--data-dir", self.path("etcd"), "--listen-client-urls", client,
                                "--advertise-client-urls", client, "--listen-peer-urls", peer,
                                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"], self.folder)

    def _start_apiserver(self):
        done = run(["openssl", "genrsa", "-out", self.path("accounts.key"), "2048"], self.folder)
        assert done.returncode == 0, done.output
        self._write("tokens.csv", f'{TOKEN},tests,1,"system:masters"\n')
        key = self.path("accounts.key")
        return Process("kube-apiserver", [
            os.environ["INTEROP_APISERVER"], f"--etcd-servers=http://127.0.0.1:{self.ports['etcd']}",
            "--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", f"--secure-port={self.ports['api']}",
            "--endpoint-reconciler-type=none", f"--cert-dir={self.path('tls')}", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", f"--token-auth-file={self.path('tokens.csv')}",
            "--disable-admission-plugins=ServiceAccount"], self.folder)

    def _url(self, path):
        return f"https://127.0.0.1:{self.ports['api']}{path}"

    def _is_ready(self):
        for program in self.programs:
            assert program.is_running(), program.tail(30)
        try:
            return (self.api.get(self._url("/readyz"), timeout=10).ok
                    and self.api.get(self._url("/api/v1/namespaces/default"), timeout=10).ok)
        except requests.ConnectionError:
            return False

    def _define(self):
        """cert-manager's own definitions."""
        kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for path in sorted(glob.glob(f"{os.environ['INTEROP_CERT_MANAGER']}/deploy/crds/*.yaml")):
            with open(path, encoding="utf-8") as file:
                self.create(kinds, yaml.safe_load(file))
        wait_for("cert-manager's kinds", lambda: all(
            self.api.get(self._url(path), timeout=10).ok for path in (ISSUERS, CERTIFICATES)))

    # ---- objects ----

    def create(self, path, thing):
        answer = self.api.post(self._url(path), json=thing, timeout=60)
        assert answer.status_code in (201, 409), answer.text
        return answer

    def get(self, path):
        answer = self.api.get(self._url(path), timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def put(self, path, thing):
        answer = self.api.put(self._url(path), json=thing, timeout=60)
        assert answer.ok, answer.text

    def clear(self):
        """What a test has left: the next one's world is another."""
        for path in (CERTIFICATES, ISSUERS, SECRETS.format("default"), SECRETS.format("cert-manager"),
                     *(f"/apis/{group}/v1/namespaces/default/{kind}" for group, kind in (
                         ("cert-manager.io", "certificaterequests"), ("acme.cert-manager.io", "orders"),
                         ("acme.cert-manager.io", "challenges")))):
            assert self.api.delete(self._url(path), timeout=60).ok

    # ---- cert-manager ----

    def start_controller(self, dns_port):
        server = {"server": self._url(""), "insecure-skip-tls-verify": True}
        self._write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {"token": TOKEN}}],
            "clusters": [{"name": "c", "cluster": server}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
        self.controller = Process("cert-manager", [os.environ["INTEROP_CONTROLLER"], "-kubeconfig", self.path("kubeconfig"),
                                                   "-dns", f"127.0.0.1:{dns_port}"], self.folder)
        self.controller.wait_line(lambda line: "started" in line)

    def chain(self, secret, path):
        """Writes the chain that the Secret has."""
        data = self.get(f"{SECRETS.format('default')}/{secret}")["data"]["tls.crt"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        return path

    def close(self):
        for program in reversed(self.programs):
            program.stop()
        for port in self.ports.values():
            release_port(port)
        shutil.rmtree(self.folder)
