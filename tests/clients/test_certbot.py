"""certbot: standalone, webroot, DNS by the rfc2136 plugin, renew, --reuse-key."""

from dns_server import ZONE
from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_sales, check_slow,
                    external_key, names_for, serial_of)
from pki import check_chain
from clients import CERTBOT_DNS


class Certbot(Home):
    @property
    def chain(self):
        return self.path("config", "live", "test", "fullchain.pem")

    def _folders(self):
        return ["--config-dir", self.path("config"), "--work-dir", self.path("work"), "--logs-dir", self.path("logs")]

    def standalone(self):
        return ["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", str(self.world.ports["http01"])]

    def rfc2136(self):
        dns = self.world.dns
        ini = self.write("dns.ini", CERTBOT_DNS.format(port=dns.port, key=dns.KEY, secret=dns.secret,
                                                       algorithm=dns.algorithm.upper()))
        return ["--dns-rfc2136", "--dns-rfc2136-credentials", ini, "--dns-rfc2136-propagation-seconds", "0"]

    def certonly(self, names, *more):
        return ["certbot", "certonly", "--non-interactive", "--agree-tos", "-m", "hostmaster@" + ZONE, "--server",
                self.world.directory, "--cert-name", "test", *self._folders(), "-d", ",".join(names), *more]

    def get(self, names, *more):
        self.run(*self.certonly(names, *more))
        return self.chain

    def renew(self):
        self.run("certbot", "renew", "--non-interactive", "--no-random-sleep-on-renew", "--force-renewal",
                 *self._folders())
        return self.chain

    def certificates(self):
        return self.run("certbot", "certificates", *self._folders())

    def revoke(self):
        self.run("certbot", "revoke", "--non-interactive", "--server", self.world.directory, "--cert-path",
                 self.path("config", "live", "test", "cert.pem"), "--reason", "superseded", "--no-delete-after-revoke",
                 *self._folders())


def test_standalone_and_renew(world):
    certbot, names = Certbot(world), names_for("certbot")
    check_new_and_renewed(world, names, lambda: certbot.get(names, *certbot.standalone()), certbot.renew)


def test_webroot_and_renew(world):
    certbot, names = Certbot(world), names_for("certbot")
    with Webroot(world) as web:
        check_new_and_renewed(world, names, lambda: certbot.get(names, "--webroot", "-w", web.path), certbot.renew)


def test_rfc2136_and_renew(world):
    certbot, names = Certbot(world), ["dns1." + ZONE, "dns2." + ZONE]
    check_new_and_renewed(world, names, lambda: certbot.get(names, *certbot.rfc2136()), certbot.renew)


def test_reuse_key(world):
    certbot, names = Certbot(world), names_for("certbot")
    key = certbot.path("config", "live", "test", "privkey.pem")
    certbot.get(names, "--reuse-key", *certbot.standalone())
    with open(key, "rb") as file:
        first, serial = file.read(), serial_of(certbot.chain)
    check_chain(certbot.renew(), world.root, names)
    with open(key, "rb") as file:
        assert file.read() == first
    assert serial_of(certbot.chain) != serial
    check_sales(world, names, 1)


def test_revoke(world):
    """By OCSP, `certbot certificates` sees it."""
    certbot, names = Certbot(world), names_for("certbot")
    path = certbot.get(names, *certbot.standalone())
    assert "VALID: " in certbot.certificates() and "INVALID" not in certbot.certificates()
    check_revoked(world, names, path, certbot.revoke)
    assert "INVALID: REVOKED" in certbot.certificates()


def test_must_staple_is_refused_and_said_so(world):
    """The certificate would not have it: certbot's user learns that, and nothing is bought."""
    certbot, names = Certbot(world), names_for("certbot")
    done = certbot.try_run(*certbot.certonly(names, *certbot.standalone(), "--must-staple"))
    assert done.returncode != 0
    with open(certbot.path("logs", "letsencrypt.log"), encoding="utf-8") as log:  # 2.1.0 trips over every problem's text
        assert "acme:error:badCSR" in log.read(), done.output
    assert not world.bought(names)


def test_external_account(bound_world):
    certbot, names, key = Certbot(bound_world), names_for("certbot"), external_key(bound_world)
    path = certbot.get(names, *certbot.standalone(), "--eab-kid", key["id"], "--eab-hmac-key", key["hmac_key"])
    check_bound(bound_world, names, key, path)


def test_slow_upstream(slow_world):
    certbot, names = Certbot(slow_world), names_for("certbot")

    def impatient():
        done = certbot.try_run(*certbot.certonly(names, *certbot.standalone(), "--issuance-timeout", "2"))
        assert done.returncode != 0
        with open(certbot.path("logs", "letsencrypt.log"), encoding="utf-8") as log:
            assert "acme.errors.TimeoutError" in log.read(), done.output

    check_slow(slow_world, names, impatient, lambda: certbot.get(names, *certbot.standalone()))
