"""The servers that the suite is run against, each with a DNS server of its own."""

import json
import os
import subprocess
import time

import requests

from acme_client import AcmeClient, b64
from dns_server import DnsServer
from loopback import release_port, take_port
from pki import ListenerPki
from process import Process, clean_environment
from world import World, program


class Acmegate:
    name = "acmegate"

    def __init__(self, folder, external_account=False):
        def change(config):
            config["validation"]["challenges"] = ["http-01", "dns-01", "tls-alpn-01", "dns-account-01"]
            if external_account:
                config["acme"]["external_account"] = "required"
        self.world = World(folder, change=change)
        self.directory, self.ca, self.dns = self.world.directory, self.world.pki.ca, self.world.dns
        self.http_port, self.alpn_port = self.world.ports["http01"], self.world.ports["alpn"]
        self.port = self.world.ports["acme"]
        if external_account:
            self._ctl("policy", "create", "conformance", "names=*")
            key = self._ctl("eab", "create", "conformance")
            self.external_key = (key["id"], key["hmac_key"])

    def _ctl(self, *words):
        argv = [program("acmegatectl"), "--socket", self.world.path("admin.sock"), "--json", *words]
        done = subprocess.run(argv, env=clean_environment(), timeout=60, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def client(self, alg="ES256"):
        return AcmeClient(self.directory, self.ca, alg)

    def close(self):
        self.world.close()


class Pebble:
    """Debian's pebble in strict mode, without the nonces it refuses and the pauses it makes for the sport of it."""

    name = "pebble"
    external_key = ("key-1", b64(bytes(range(32))))

    def __init__(self, folder, external_account=False):
        self.folder = str(folder)
        self.ports = [take_port() for _ in range(4)]
        self.port, management, self.http_port, self.alpn_port = self.ports
        self.pki = ListenerPki(self.folder)
        self.ca = self.pki.ca
        self.dns = DnsServer(self.folder)
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        config = {"listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{management}",
                  "certificate": self.pki.certificate, "privateKey": self.pki.key, "httpPort": self.http_port,
                  "tlsPort": self.alpn_port, "ocspResponderURL": "", "externalAccountBindingRequired": external_account,
                  "externalAccountMACKeys": dict([self.external_key] if external_account else [])}
        path = os.path.join(self.folder, "pebble.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"pebble": config}, file)
        env = clean_environment(PEBBLE_WFE_NONCEREJECT="0", PEBBLE_VA_NOSLEEP="1", PEBBLE_AUTHZREUSE="0")
        argv = ["/usr/bin/pebble", "-config", path, "-strict", "-dnsserver", f"127.0.0.1:{self.dns.port}"]
        self.process = Process("pebble", argv, self.folder, env)
        self.process.wait_line(lambda line: "ACME directory available at" in line)
        self._wait_listening()

    def _wait_listening(self):
        """Pebble says that it is available before it listens."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.client()
            except requests.ConnectionError:
                assert time.monotonic() < deadline, self.process.tail()
                time.sleep(0.05)

    def client(self, alg="ES256"):
        return AcmeClient(self.directory, self.ca, alg)

    def close(self):
        self.process.kill()
        self.dns.stop()
        for port in self.ports:
            release_port(port)


SERVERS = {one.name: one for one in (Acmegate, Pebble)}
