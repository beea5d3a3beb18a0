"""The newest lego as a Go module, by lego/main.go, built by tests/interop/run."""

import os

import pytest

from dns_server import ZONE
from matrix import (Home, check_bound, check_new_and_renewed, check_revoked, check_slow, external_key, names_for)

NAMES = {"http-01": names_for("lego"), "tls-alpn-01": names_for("lego"), "dns-01": ["dns1." + ZONE, "dns2." + ZONE]}


class Lego(Home):
    def __init__(self, world, kind="http-01"):
        dns = world.dns
        super().__init__(world, DNSUPDATE_NAMESERVER=f"127.0.0.1:{dns.port}", DNSUPDATE_TSIG_KEY=dns.KEY + ".",
                         DNSUPDATE_TSIG_SECRET=dns.secret, DNSUPDATE_TSIG_ALGORITHM=dns.algorithm + ".",
                         DNSUPDATE_SEQUENCE_INTERVAL="1")
        self.kind, self.names, self.account = kind, NAMES[kind], self.key("account.pem")

    def command(self, *more):
        ports = {"http-01": self.world.ports["http01"], "tls-alpn-01": self.world.ports["alpn"],
                 "dns-01": self.world.dns.port}
        return [os.environ["INTEROP_LEGO"], "-directory", self.world.directory, "-account", self.account, "-challenge",
                self.kind, "-port", str(ports[self.kind]), "-chain", self.path("chain.pem"), *more]

    def obtain(self, *more):
        return self.command("-csr", self.request(self.key("key.pem"), self.names, "csr.pem"), *more)

    def get(self, *more):
        self.run(*self.obtain(*more))
        return self.path("chain.pem")


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_new_and_renewed(world, kind):
    lego = Lego(world, kind)
    check_new_and_renewed(world, lego.names, lego.get, lego.get)


def test_revoke(world):
    lego = Lego(world)
    path = lego.get()
    check_revoked(world, lego.names, path, lambda: lego.run(*lego.command("-revoke", path)))


def test_external_account(bound_world):
    lego, key = Lego(bound_world), external_key(bound_world)
    hmac_key = lego.write("hmac-key", key["hmac_key"])
    check_bound(bound_world, lego.names, key, lego.get("-eab-kid", key["id"], "-eab-key", hmac_key))


def test_slow_upstream(slow_world):
    lego = Lego(slow_world)

    def impatient():
        done = lego.try_run(*lego.obtain("-patience", "2s"))
        assert done.returncode != 0
        assert "time limit exceeded" in done.output, done.output

    check_slow(slow_world, lego.names, impatient, lego.get)
