"""Debian's certbot and lego, pointed at a world and kept inside its folder."""

import os

from dns_server import ZONE, DnsServer
from process import clean_environment, run

CERTBOT_DNS = """dns_rfc2136_server = 127.0.0.1
dns_rfc2136_port = {port}
dns_rfc2136_name = {key}
dns_rfc2136_secret = {secret}
dns_rfc2136_algorithm = {algorithm}
"""


class Result:
    """status 0 and path (PEM chain), or what the client wrote: output, and said with its log file."""

    def __init__(self, done, path, log=""):
        self.status, self.output, self.path = done.returncode, done.output, path
        self.said = done.output + log


def _names(flag, names):
    return [word for name in names for word in (flag, name)]


class Certbot:
    def __init__(self, world):
        self.world, self.folder = world, world.path("certbot")
        os.makedirs(self.folder, exist_ok=True)

    def _dns_credentials(self):
        path = os.path.join(self.folder, "dns.ini")
        dns = self.world.dns
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(CERTBOT_DNS.format(port=dns.port, key=DnsServer.KEY, secret=dns.secret,
                                          algorithm=dns.algorithm.upper()))
        return path

    def _challenge(self, dns_01):
        if dns_01:
            return ["--dns-rfc2136", "--dns-rfc2136-credentials", self._dns_credentials(),
                    "--dns-rfc2136-propagation-seconds", "0"]
        return ["--standalone", "--preferred-challenges", "http", "--http-01-address", "127.0.0.1",
                "--http-01-port", str(self.world.ports["http01"])]

    def order(self, names, dns_01=False, more=()):
        argv = ["certbot", "certonly", "--non-interactive", "--agree-tos", "-m", "hostmaster@" + ZONE, "--server",
                self.world.directory, "--cert-name", "test", "--force-renewal", "--config-dir", self.folder + "/config",
                "--work-dir", self.folder + "/work", "--logs-dir", self.folder + "/logs", *self._challenge(dns_01),
                *_names("-d", names), *more]
        env = clean_environment(REQUESTS_CA_BUNDLE=self.world.pki.ca)
        done = run(argv, self.folder, timeout=180, env=env)
        # certbot 2.1 under Python 3.11 stumbles over its own exception for a refused newOrder and shows "can't set
        # attribute" instead of the problem, which is in its log.
        with open(self.folder + "/logs/letsencrypt.log", encoding="utf-8") as log:
            return Result(done, self.folder + "/config/live/test/fullchain.pem", log.read())

    def revoke(self, names, reason, by_key=False):
        """What run() gave. reason is a number of RFC 5280; by_key: signed with the certificate's own key."""
        live = self.folder + "/config/live/test"
        argv = ["certbot", "revoke", "--non-interactive", "--no-delete-after-revoke", "--server", self.world.directory,
                "--cert-path", live + "/cert.pem", "--reason", ("unspecified", "keycompromise", None,
                "affiliationchanged", "superseded", "cessationofoperation")[reason], "--config-dir",
                self.folder + "/config", "--work-dir", self.folder + "/work", "--logs-dir", self.folder + "/logs"]
        if by_key:
            argv += ["--key-path", live + "/privkey.pem"]
        return run(argv, self.folder, timeout=60, env=clean_environment(REQUESTS_CA_BUNDLE=self.world.pki.ca))


class Lego:
    def __init__(self, world):
        self.world, self.folder = world, world.path("lego")
        os.makedirs(self.folder, exist_ok=True)

    def order(self, names, dns_01=False, tls_alpn_01=False, more=()):
        argv = ["lego", "--path", self.folder, "--server", self.world.directory, "--email", "hostmaster@" + ZONE,
                "--accept-tos", "--cert.timeout", "90", *_names("--domains", names)]
        dns = self.world.dns
        if dns_01:
            argv += ["--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers", f"127.0.0.1:{dns.port}"]
        elif tls_alpn_01:
            argv += ["--tls", "--tls.port", f"127.0.0.1:{self.world.ports['alpn']}"]
        else:
            argv += ["--http", "--http.port", f"127.0.0.1:{self.world.ports['http01']}"]
        env = clean_environment(LEGO_CA_CERTIFICATES=self.world.pki.ca,
                                RFC2136_NAMESERVER=f"127.0.0.1:{dns.port}", RFC2136_TSIG_KEY=DnsServer.KEY + ".",
                                RFC2136_TSIG_SECRET=dns.secret, RFC2136_TSIG_ALGORITHM=dns.algorithm + ".",
                                RFC2136_POLLING_INTERVAL="1", RFC2136_PROPAGATION_TIMEOUT="20",
                                RFC2136_SEQUENCE_INTERVAL="1")
        done = run([*argv, *more, "run"], self.folder, timeout=180, env=env)
        return Result(done, f"{self.folder}/certificates/{names[0].replace('*', '_')}.crt")

    def revoke(self, names, reason):
        """What run() gave."""
        argv = ["lego", "--path", self.folder, "--server", self.world.directory, "--email", "hostmaster@" + ZONE,
                "--accept-tos", *_names("--domains", names), "revoke", "--keep", "--reason", str(reason)]
        return run(argv, self.folder, timeout=60, env=clean_environment(LEGO_CA_CERTIFICATES=self.world.pki.ca))


CLIENTS = {"certbot": Certbot, "lego": Lego}
