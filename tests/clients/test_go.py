"""golang.org/x/crypto/acme, Debian's, by go/obtain.go, which follows cert-manager, whose client it is the base of."""

import os

import pytest

from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_slow, external_key,
                    names_for, run)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go", "obtain.go")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    env = dict(os.environ, GO111MODULE="off", GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local",
               GOPATH="/usr/share/gocode", GOCACHE=str(folder / "cache"), CGO_ENABLED="0")
    done = run(["/usr/bin/go", "build", "-o", str(folder / "obtain"), SOURCE], str(folder), timeout=300, env=env)
    assert done.returncode == 0, done.output
    return str(folder / "obtain")


class Obtain(Home):
    def __init__(self, world, web, program, names):
        super().__init__(world)
        self.program, self.web, self.names = program, web, names
        self.account = self.key("account.pem")
        self.new_key()

    def new_key(self):
        self.csr = self.request(self.key("key.pem"), self.names, "csr.pem")

    def command(self, *more):
        return [self.program, "-directory", self.world.directory, "-account", self.account, "-csr", self.csr,
                "-challenges", self.web.challenges, "-order", self.path("order"), "-chain", self.path("chain.pem"),
                *more]

    def get(self, *more):
        self.said = self.run(*self.command(*more))
        return self.path("chain.pem")

    def get_for_new_key(self):
        self.new_key()
        return self.get()


def test_new_and_renewed(world, program):
    with Webroot(world) as web:
        obtain = Obtain(world, web, program, names_for("go"))
        check_new_and_renewed(world, obtain.names, obtain.get, obtain.get_for_new_key)


def test_revoke(world, program):
    with Webroot(world) as web:
        obtain = Obtain(world, web, program, names_for("go"))
        path = obtain.get()
        check_revoked(world, obtain.names, path, lambda: obtain.run(*obtain.command("-revoke", path)))


def test_external_account(bound_world, program):
    with Webroot(bound_world) as web:
        obtain, key = Obtain(bound_world, web, program, names_for("go")), external_key(bound_world)
        hmac_key = obtain.write("hmac-key", key["hmac_key"])
        check_bound(bound_world, obtain.names, key, obtain.get("-eab-kid", key["id"], "-eab-key", hmac_key))


def _impatient(obtain):
    done = obtain.try_run(*obtain.command("-patience", "6s"))
    assert done.returncode != 0
    assert "finalize: context deadline exceeded" in done.output, done.output


def test_slow_upstream_and_finalize_sent_again(slow_world, program):
    """The second run finds its order still unfinished or valid, and sends finalize again as after a restart; once the
    gateway has been restarted too."""
    with Webroot(slow_world) as web:
        obtain = Obtain(slow_world, web, program, names_for("go"))

        def impatient_twice():
            _impatient(obtain)
            slow_world.restart_gateway()
            _impatient(obtain)

        check_slow(slow_world, obtain.names, impatient_twice, obtain.get)
        assert "/acme/order/" in obtain.said and obtain.said.split()[2] in ("processing", "valid"), obtain.said


def test_slow_upstream_and_a_new_order(slow_world, program):
    with Webroot(slow_world) as web:
        obtain = Obtain(slow_world, web, program, names_for("go"))

        def impatient():
            _impatient(obtain)
            os.remove(obtain.path("order"))

        check_slow(slow_world, obtain.names, impatient, obtain.get_for_new_key)
