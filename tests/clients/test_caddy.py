"""A running Caddy that fetches its certificate by tls-alpn-01 and serves it. It waits five minutes."""

import glob
import json
import os
import socket
import ssl

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography import x509

from matrix import Home, check_bound, check_new_and_renewed, check_slow, cut_short, external_key, names_for, wait_for


class Caddy(Home):
    def __init__(self, world, name, **issuer):
        super().__init__(world)
        self.environment.update(XDG_DATA_HOME=self.make("data"), XDG_CONFIG_HOME=self.make("config"))
        self.names, self.program = [name], None
        self.write("caddy.json", json.dumps(self._config(issuer)))

    def _config(self, more):
        ports = self.world.ports
        issuer = {"module": "acme", "ca": self.world.directory, "email": "hostmaster@acme.example",
                  "trusted_roots_pem_files": [self.world.pki.ca],
                  "challenges": {"http": {"disabled": True},
                                 "tls-alpn": {"alternate_port": ports["alpn"]}}, **more}
        return {"admin": {"disabled": True},
                "logging": {"logs": {"default": {"level": "DEBUG"}}},
                "apps": {"tls": {"automation": {"policies": [{"subjects": self.names, "issuers": [issuer]}]}},
                         "http": {"https_port": ports["alpn"], "servers": {"one": {
                             "listen": [f"127.0.0.1:{ports['alpn']}"], "tls_connection_policies": [{}],
                             "automatic_https": {"disable_redirects": True},
                             "routes": [{"match": [{"host": self.names}]}]}}}}}

    def launch(self):
        self.program = self.start("caddy", "run", "--config", self.path("caddy.json"))
        return self.program

    def served(self):
        """The leaf that the listener shows for the name, or None while it has none."""
        context = ssl.create_default_context(cafile=self.world.root)
        try:
            with socket.create_connection(("127.0.0.1", self.world.ports["alpn"]), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=self.names[0]) as secure:
                    return secure.getpeercert(binary_form=True)
        except OSError:
            return None

    def chain(self):
        return glob.glob(self.path("data", "caddy", "certificates", "*", self.names[0], self.names[0] + ".crt"))[0]

    def fetch(self):
        """Starts it, and ends it once it serves its certificate, which verifies."""
        program = self.launch()
        try:
            leaf = wait_for("a certificate served by Caddy", self.served)
        finally:
            program.stop()
        with open(self.chain(), "rb") as file:
            assert file.read().startswith(x509.load_der_x509_certificate(leaf).public_bytes(Encoding.PEM))
        return self.chain()

    def fetch_anew(self):
        """It has no way to renew what is still good, but to lose it."""
        for path in glob.glob(os.path.join(os.path.dirname(self.chain()), "*")):
            os.remove(path)
        return self.fetch()


def test_serves_what_it_fetched(world):
    caddy = Caddy(world, names_for("caddy")[0])
    check_new_and_renewed(world, caddy.names, caddy.fetch, caddy.fetch_anew)


def test_external_account(bound_world):
    key = external_key(bound_world)
    caddy = Caddy(bound_world, names_for("caddy")[0],
                  external_account={"key_id": key["id"], "mac_key": key["hmac_key"]})
    check_bound(bound_world, caddy.names, key, caddy.fetch())


def test_slow_upstream(slow_world):
    caddy = Caddy(slow_world, names_for("caddy")[0])
    check_slow(slow_world, caddy.names, lambda: cut_short(slow_world, caddy.names, caddy.launch(), service=True),
               caddy.fetch)
