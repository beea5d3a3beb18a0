"""ruby-acme-client by ruby/obtain.rb."""

import os

from matrix import Home, Webroot, check_new_and_renewed, check_revoked, check_slow, names_for

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ruby")
PROGRAM, REVOKE = os.path.join(FOLDER, "obtain.rb"), os.path.join(FOLDER, "revoke.rb")


class Ruby(Home):
    def __init__(self, world, web, names):
        super().__init__(world)
        self.names, self.web = names, web
        # RSA: version 2.0.9 drops the leading zeros of an EC key's coordinates, which RFC 7518 section 6.2.1.2 forbids, so that one key
        # in 128 is refused everywhere.
        self.account = self.path("account.pem")
        self.openssl("genrsa", "-out", self.account, "2048")

    def command(self, patience=60):
        csr = self.request(self.key("key.pem"), self.names, "csr.pem")
        return ["/usr/bin/ruby", PROGRAM, self.world.directory, self.account, csr, self.web.challenges, str(patience)]

    def get(self):
        output = self.run(*self.command())
        return self.write("chain.pem", output[output.index("-----BEGIN"):])

    def revoke(self, path):
        self.run("/usr/bin/ruby", REVOKE, self.world.directory, self.account, path)


def test_new_and_renewed(world):
    with Webroot(world) as web:
        ruby = Ruby(world, web, names_for("ruby"))
        check_new_and_renewed(world, ruby.names, ruby.get, ruby.get)


def test_revoke(world):
    with Webroot(world) as web:
        ruby = Ruby(world, web, names_for("ruby"))
        path = ruby.get()
        check_revoked(world, ruby.names, path, lambda: ruby.revoke(path))


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        ruby = Ruby(slow_world, web, names_for("ruby"))

        def impatient():
            done = ruby.try_run(*ruby.command(patience=1))
            assert done.returncode != 0
            assert "still processing after 1.0 s" in done.output, done.output

        check_slow(slow_world, ruby.names, impatient, ruby.get)
