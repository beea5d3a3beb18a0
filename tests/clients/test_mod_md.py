"""A running Apache whose mod_md fetches its certificate over http-01, and serves it after a restart."""

import os
import shutil
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from loopback import release_port, take_port
from matrix import (Home, check_bound, check_new_and_renewed, check_slow, external_key, names_for, wait_bought,
                    wait_for)

CONFIG = """ServerName {name}
ServerRoot {folder}
PidFile {folder}/pid
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule md_module /usr/lib/apache2/modules/mod_md.so
Mutex file:{folder}
ErrorLog {folder}/error.log
LogLevel warn md:debug
SSLSessionCache none
MDStoreDir {folder}/md
MDCertificateAuthority {directory}
MDCertificateAgreement accepted
MDContactEmail hostmaster@acme.example
MDCACertificateFile {ca}
MDCAChallenges http-01
MDPortMap 80:{http} 443:{https}
MDPrivateKeys secp256r1
MDRetryDelay 5s
MDomain {name} {others}
<VirtualHost 127.0.0.1:{https}>
    ServerName {name}
    ServerAlias {others}
    SSLEngine on
</VirtualHost>
"""


class Apache(Home):
    def __init__(self, world, names, more=""):
        super().__init__(world)
        self.names, self.https = names, take_port()
        self.make("md")
        self.write("httpd.conf", CONFIG.format(folder=self.folder, directory=world.directory, ca=world.pki.ca,
                                               http=world.ports["http01"], https=self.https, name=names[0],
                                               others=" ".join(names[1:])) + more)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        release_port(self.https)

    def launch(self):
        return self.start("/usr/sbin/apache2", "-X", "-f", self.path("httpd.conf"))

    def _served(self):
        context = ssl.create_default_context(cafile=self.world.root)
        try:
            with socket.create_connection(("127.0.0.1", self.https), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=self.names[0]) as secure:
                    return secure.getpeercert(binary_form=True)
        except OSError:
            return None

    def fetch(self):
        """Runs it until the certificate is staged, and once more, which serves it."""
        program = self.launch()
        try:
            wait_for("a certificate in mod_md's staging", lambda: os.path.exists(self.staged), 60)
        finally:
            program.stop()
        program = self.launch()
        try:
            leaf = wait_for("a certificate served by Apache", self._served)
        finally:
            program.stop()
        return self.chain(leaf)

    def fetch_anew(self):
        """It has no way to renew what is still good, but to lose it."""
        shutil.rmtree(self.path("md", "domains", self.names[0]))
        return self.fetch()

    def chain(self, leaf):
        path = self.path("md", "domains", self.names[0], "pubcert.secp256r1.pem")
        with open(path, "rb") as file:
            assert file.read().startswith(x509.load_der_x509_certificate(leaf).public_bytes(Encoding.PEM))
        return path

    @property
    def staged(self):
        return self.path("md", "staging", self.names[0], "pubcert.secp256r1.pem")


def test_serves_what_it_fetched(world):
    with Apache(world, names_for("mod-md")) as apache:
        check_new_and_renewed(world, apache.names, apache.fetch, apache.fetch_anew)


def test_external_account(bound_world):
    key = external_key(bound_world)
    with Apache(bound_world, names_for("mod-md"),
                f"MDExternalAccountBinding {key['id']} {key['hmac_key']}\n") as apache:
        check_bound(bound_world, apache.names, key, apache.fetch())


def test_slow_upstream(slow_world):
    """It waits five minutes, and ends only after that when it is asked to, so it is killed."""
    with Apache(slow_world, names_for("mod-md")) as apache:
        def killed():
            program = apache.launch()
            wait_bought(slow_world, apache.names)
            program.kill()

        check_slow(slow_world, apache.names, killed, apache.fetch)
