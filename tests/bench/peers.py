"""Other ACME servers to measure beside ours: Debian's pebble, and the newest pebble, step-ca and acme-proxy where their
registries have them. A peer that cannot be had says why, and is left out."""

import json
import os
import shutil
import subprocess

from loopback import take_port
from process import Process, clean_environment, run

BUILD_S = 3600
READY_S = 60


class Absent(Exception):
    """Why a peer cannot be had."""


def build(folder, name, argv, **more):
    """Builds a program of a registry; its output is kept beside it."""
    if shutil.which(argv[0]) is None:
        raise Absent(f"{argv[0]} is not installed")
    with open(os.path.join(folder, name + ".log"), "w", encoding="utf-8") as log:
        # the registries are asked by the proxy that this machine may have
        done = subprocess.run(argv, env={**os.environ, **more}, stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, timeout=BUILD_S, check=False)
    if done.returncode != 0:
        raise Absent(f"{' '.join(argv)} failed: {log.name} says why")


def go_program(folder, name, package):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        build(folder, name, ["go", "install", package + "@latest"], GOBIN=folder, CGO_ENABLED="0")
    return path


def go_version(path):
    done = subprocess.run(["go", "version", "-m", path], stdout=subprocess.PIPE, text=True, check=False)
    return next((line.split()[2] for line in done.stdout.splitlines() if line.split()[:1] == ["mod"]), "?")


class Peer:
    """A server that is started, measured, and ended. world: whose name server it asks, and in whose folder it lives."""
    def __init__(self, world, programs):
        self.folder = world.path(type(self).__name__)
        os.makedirs(self.folder, exist_ok=True)
        os.makedirs(programs, exist_ok=True)
        self.world, self.port, self.http01 = world, take_port(), take_port()
        self.ca, self.version = world.pki.ca, ""
        self.program = self.find(programs)
        self.process = self.start(self.program)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def run(self, argv, ready, **env):
        process = Process(type(self).__name__, argv, self.folder, clean_environment(**env))
        process.wait_line(lambda line: ready in line, READY_S)
        return process

    @property
    def pid(self):
        return self.process.pid

    def bench(self):
        """acmebench's options for it."""
        return ["--directory", self.directory(), "--ca", self.ca, "--http01-port", str(self.http01)]

    def close(self):
        """It may hang."""
        self.process.kill()

    def restart(self):
        self.close()
        self.process = self.start(self.program)


class DebianPebble(Peer):
    name = "pebble (Debian)"

    def find(self, programs):
        path = shutil.which("pebble", path="/usr/bin")
        if path is None:
            raise Absent("the package pebble is not installed")
        self.version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "pebble"], stdout=subprocess.PIPE,
                                      text=True, check=False).stdout
        return path

    def start(self, program):
        config = {"pebble": {"listenAddress": f"127.0.0.1:{self.port}",
                             "managementListenAddress": f"127.0.0.1:{take_port()}",
                             "certificate": self.world.pki.certificate, "privateKey": self.world.pki.key,
                             "httpPort": self.http01, "tlsPort": take_port(), "ocspResponderURL": "",
                             "externalAccountBindingRequired": False}}
        return self.run([program, "-config", self.write("pebble.json", json.dumps(config)), "-dnsserver",
                         f"127.0.0.1:{self.world.dns.port}"], "ACME directory available",
                        PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")

    def directory(self):
        return f"https://127.0.0.1:{self.port}/dir"


class NewestPebble(DebianPebble):
    name = "pebble (newest)"

    def find(self, programs):
        path = go_program(programs, "pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble")
        self.version = go_version(path)
        return path


class StepCa(Peer):
    name = "step-ca"

    def find(self, programs):
        path = go_program(programs, "step-ca", "github.com/smallstep/certificates/cmd/step-ca")
        self.version = go_version(path)
        return path

    def make_authority(self, name, *more):
        done = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30",
                    "-subj", f"/CN=peer {name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                    "-keyout", self.path(name + "-key.pem"), "-out", self.path(name + ".pem"), *more], self.folder)
        if done.returncode != 0:
            raise Absent(f"openssl makes no authority for it: {done.output}")

    def start(self, program):
        self.make_authority("root")
        self.make_authority("intermediate", "-CA", self.path("root.pem"), "-CAkey", self.path("root-key.pem"))
        self.ca = self.path("root.pem")
        config = {"root": self.ca, "crt": self.path("intermediate.pem"), "key": self.path("intermediate-key.pem"),
                  "address": f"127.0.0.1:{self.port}", "dnsNames": ["127.0.0.1", "localhost"],
                  "logger": {"format": "text"}, "db": {"type": "badgerv2", "dataSource": self.path("db")},
                  "authority": {"provisioners": [{"type": "ACME", "name": "acme", "challenges": ["http-01"]}]}}
        return self.run([program, self.write("ca.json", json.dumps(config)), "--insecure", "--acme-http-port",
                         str(self.http01), "--resolver", f"127.0.0.1:{self.world.dns.port}"], "Serving HTTPS on",
                        STEPPATH=self.folder)

    def directory(self):
        return f"https://127.0.0.1:{self.port}/acme/acme/directory"


class AcmeProxy(Peer):
    name = "acme-proxy"

    def find(self, programs):
        path = os.path.join(programs, "bin", "acme-proxy")
        if not os.path.exists(path):
            build(programs, "acme-proxy", ["cargo", "install", "--ignore-rust-version", "--root", programs, "acme-proxy"])
        self.version = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
        return path

    def start(self, program):
        settings = {"DATABASE__URL": f"sqlite://{self.path('acme.db')}", "SERVER__BIND_ADDRESS": f"127.0.0.1:{self.port}",
                    "SERVER__BASE_URL": f"https://127.0.0.1:{self.port}", "SERVER__TLS__ENABLED": "true",
                    "SERVER__TLS__CERT_PATH": self.world.pki.certificate, "SERVER__TLS__KEY_PATH": self.world.pki.key,
                    "SIGNER__LOCAL_CA__CERT_PATH": self.path("ca.pem"), "SIGNER__LOCAL_CA__KEY_PATH": self.path("ca.key"),
                    "CHALLENGE__HTTP_01__PORT": str(self.http01), "DNS__RESOLVER": f"127.0.0.1:{self.world.dns.port}",
                    "PROFILES__DEFAULT__ENABLED": "true",
                    "SERVER__MAX_CONCURRENT_REQUESTS": "1000"}
        return self.run([program, "serve"], "server_listening",
                        **{"ACME_PROXY_" + key: value for key, value in settings.items()})

    def directory(self):
        return f"https://127.0.0.1:{self.port}/profile/default/directory"


PEERS = (DebianPebble, NewestPebble, StepCa, AcmeProxy)
