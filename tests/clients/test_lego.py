"""lego: http-01, DNS by rfc2136, tls-alpn-01, renew."""

import pytest

from dns_server import ZONE
from matrix import Home, check_bound, check_new_and_renewed, check_revoked, check_slow, external_key, names_for


class Lego(Home):
    def __init__(self, world, names):
        dns = world.dns
        super().__init__(world, RFC2136_NAMESERVER=f"127.0.0.1:{dns.port}", RFC2136_TSIG_KEY=dns.KEY + ".",
                         RFC2136_TSIG_SECRET=dns.secret, RFC2136_TSIG_ALGORITHM=dns.algorithm + ".",
                         RFC2136_POLLING_INTERVAL="1", RFC2136_PROPAGATION_TIMEOUT="20",
                         RFC2136_SEQUENCE_INTERVAL="1")
        self.names = names

    def challenge(self, kind):
        ports = self.world.ports
        return {"http-01": ["--http", "--http.port", f"127.0.0.1:{ports['http01']}"],
                "tls-alpn-01": ["--tls", "--tls.port", f"127.0.0.1:{ports['alpn']}"],
                "dns-01": ["--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers",
                           f"127.0.0.1:{self.world.dns.port}"]}[kind]

    def command(self, kind, *what, patience=60):
        domains = [word for name in self.names for word in ("--domains", name)]
        return ["lego", "--path", self.folder, "--server", self.world.directory, "--email", "hostmaster@" + ZONE,
                "--accept-tos", "--cert.timeout", str(patience), *domains, *self.challenge(kind), *what]

    def do(self, kind, *what):
        self.run(*self.command(kind, *what))
        return self.path("certificates", self.names[0] + ".crt")


# Not by the alphabet: lego names a renewal's files after the certificate's common name, which is its first name.
NAMES = {"http-01": names_for("lego"), "tls-alpn-01": names_for("lego"),
         "dns-01": ["dns1." + ZONE, "dns2." + ZONE]}


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_run_and_renew(world, kind):
    lego = Lego(world, NAMES[kind])
    check_new_and_renewed(world, lego.names, lambda: lego.do(kind, "run"),
                          lambda: lego.do(kind, "renew", "--days", "1000", "--no-random-sleep"))


def test_revoke(world):
    lego = Lego(world, names_for("lego"))
    check_revoked(world, lego.names, lego.do("http-01", "run"), lambda: lego.do("http-01", "revoke", "--keep"))


def test_external_account(bound_world):
    lego, key = Lego(bound_world, names_for("lego")), external_key(bound_world)
    path = lego.do("http-01", "--eab", "--kid", key["id"], "--hmac", key["hmac_key"], "run")
    check_bound(bound_world, lego.names, key, path)


def test_slow_upstream(slow_world):
    lego = Lego(slow_world, names_for("lego"))

    def impatient():
        done = lego.try_run(*lego.command("http-01", "run", patience=2))
        assert done.returncode != 0
        assert "time limit exceeded" in done.output, done.output

    check_slow(slow_world, lego.names, impatient, lambda: lego.do("http-01", "run"))
