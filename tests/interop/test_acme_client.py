"""npm's acme-client by acme_client/obtain.js, its module installed by tests/interop/run."""

import os

from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_slow, external_key,
                    names_for)

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "acme_client", "obtain.js")


class Client(Home):
    def __init__(self, world, web):
        super().__init__(world, NODE_PATH=os.environ["INTEROP_NODE_MODULES"], NODE_EXTRA_CA_CERTS=world.pki.ca)
        self.web, self.names, self.account = web, names_for("npm"), self.key("account.pem")

    def command(self, verb, *more):
        return ["node", PROGRAM, verb, self.world.directory, self.account, *more]

    def obtain(self, attempts, *more):
        csr = self.request(self.key("key.pem"), self.names, "csr.pem")
        return self.command("get", csr, self.web.challenges, str(attempts), *more)

    def get(self, *more):
        output = self.run(*self.obtain(60, *more))
        return self.write("chain.pem", output[output.index("-----BEGIN"):])


def test_new_and_renewed(world):
    with Webroot(world) as web:
        client = Client(world, web)
        check_new_and_renewed(world, client.names, client.get, client.get)


def test_revoke(world):
    with Webroot(world) as web:
        client = Client(world, web)
        path = client.get()
        check_revoked(world, client.names, path, lambda: client.run(*client.command("revoke", path)))


def test_external_account(bound_world):
    with Webroot(bound_world) as web:
        client, key = Client(bound_world, web), external_key(bound_world)
        hmac_key = client.write("hmac-key", key["hmac_key"])
        check_bound(bound_world, client.names, key, client.get(key["id"], hmac_key))


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        client = Client(slow_world, web)

        def impatient():
            done = client.try_run(*client.obtain(2))
            assert done.returncode != 0
            assert "processing" in done.output, done.output

        check_slow(slow_world, client.names, impatient, client.get)
