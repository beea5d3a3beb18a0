"""acme-tiny: prints the chain for a CSR. It polls for an hour, so it is cut short as a timer would."""

from matrix import Home, Webroot, check_new_and_renewed, check_slow, cut_short, names_for


class AcmeTiny(Home):
    def __init__(self, world, web, names):
        super().__init__(world)
        self.names, self.web = names, web
        self.openssl("genrsa", "-out", self.path("account.pem"), "2048")
        self.csr = self.request(self.key("key.pem"), names, "csr.pem")

    def command(self):
        return ["acme-tiny", "--quiet", "--account-key", self.path("account.pem"), "--csr", self.csr, "--acme-dir",
                self.web.challenges, "--directory-url", self.world.directory, "--check-port",
                str(self.world.ports["http01"]), "--disable-check"]

    def get(self):
        return self.write("chain.pem", self.run(*self.command()))

    def get_for_new_key(self):
        self.csr = self.request(self.key("next.pem"), self.names, "next.csr")
        return self.get()


def test_new_and_renewed(world):
    with Webroot(world) as web:
        tiny = AcmeTiny(world, web, names_for("acme-tiny"))
        check_new_and_renewed(world, tiny.names, tiny.get, tiny.get)


def test_renewed_with_a_new_key(world):
    with Webroot(world) as web:
        tiny = AcmeTiny(world, web, names_for("acme-tiny"))
        check_new_and_renewed(world, tiny.names, tiny.get, tiny.get_for_new_key)


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        tiny = AcmeTiny(slow_world, web, names_for("acme-tiny"))
        check_slow(slow_world, tiny.names, lambda: cut_short(slow_world, tiny.names, tiny.start(*tiny.command())),
                   tiny.get)
