"""lacme with lacme-accountd, and a web server's folder for its challenges."""

from matrix import Home, Webroot, check_new_and_renewed, check_revoked, check_slow, names_for

CONFIG = """[client]
user =
group =
server = {directory}
timeout = {patience}
[webserver]
challenge-directory = {challenges}
user =
group =
[accountd]
config = {folder}/accountd.conf
"""

CERTIFICATES = """[test]
certificate-key = {folder}/key.pem
certificate-chain = {folder}/chain.pem
subject = /CN={name}
subjectAltName = {names}
CAfile = {root}
"""


class Lacme(Home):
    def __init__(self, world, web, names):
        super().__init__(world)
        self.names, self.web = names, web
        self.openssl("genrsa", "-out", self.path("account.pem"), "2048")
        self.key("key.pem")
        self.write("accountd.conf", f"privkey = file:{self.path('account.pem')}\n")
        self.write("certificates.conf",
                   CERTIFICATES.format(folder=self.folder, name=names[0], root=world.root,
                                       names=",".join("DNS:" + name for name in names)))
        self.run(*self.command("account", "--register", "--tos-agreed"))

    def command(self, *what, patience=60):
        config = self.write("lacme.conf", CONFIG.format(directory=self.world.directory, folder=self.folder,
                                                        challenges=self.web.challenges, patience=patience))
        return self.trusting("/usr/sbin/lacme", "--config", config, *what)

    def new_cert(self, *flags, patience=60):
        return self.command("new-cert", "--config-certs", self.path("certificates.conf"), *flags, patience=patience)

    def get(self, *flags):
        self.run(*self.new_cert(*flags))
        return self.path("chain.pem")

    def get_for_new_key(self):
        self.key("key.pem")
        return self.get("--force")


def test_new_and_renewed(world):
    with Webroot(world) as web:
        lacme = Lacme(world, web, names_for("lacme"))
        check_new_and_renewed(world, lacme.names, lacme.get, lambda: lacme.get("--force"))


def test_renewed_with_a_new_key(world):
    with Webroot(world) as web:
        lacme = Lacme(world, web, names_for("lacme"))
        check_new_and_renewed(world, lacme.names, lacme.get, lacme.get_for_new_key)


def test_revoke(world):
    with Webroot(world) as web:
        lacme = Lacme(world, web, names_for("lacme"))
        path = lacme.get()
        check_revoked(world, lacme.names, path, lambda: lacme.run(*lacme.command("revoke-cert", path)))


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        lacme = Lacme(slow_world, web, names_for("lacme"))

        def impatient():
            done = lacme.try_run(*lacme.new_cert(patience=10))
            assert done.returncode != 0
            assert "Timeout exceeded while waiting" in done.output, done.output

        check_slow(slow_world, lacme.names, impatient, lacme.get)
