"""dehydrated with a web server's folder. It waits for ever, so it is cut short as a timer would."""

from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_slow, cut_short,
                    external_key, names_for)

CONFIG = """CA={directory}
BASEDIR={folder}
WELLKNOWN={challenges}
KEY_ALGO=prime256v1
"""


class Dehydrated(Home):
    def __init__(self, world, web, names, more=""):
        super().__init__(world)
        self.names = names
        self.write("config", more + CONFIG.format(directory=world.directory, folder=self.folder,
                                                  challenges=web.challenges))
        self.write("domains.txt", " ".join(names) + "\n")
        self.run(*self.command("--register", "--accept-terms"))

    def command(self, *what):
        return ["dehydrated", "--config", self.path("config"), *what]

    def get(self, *flags):
        self.run(*self.command("--cron", *flags))
        return self.path("certs", self.names[0], "fullchain.pem")


def test_cron_and_renew(world):
    with Webroot(world) as web:
        dehydrated = Dehydrated(world, web, names_for("dehydrated"))
        check_new_and_renewed(world, dehydrated.names, dehydrated.get, lambda: dehydrated.get("--force"))


def test_revoke(world):
    with Webroot(world) as web:
        dehydrated = Dehydrated(world, web, names_for("dehydrated"))
        path, leaf = dehydrated.get(), dehydrated.path("certs", dehydrated.names[0], "cert.pem")
        check_revoked(world, dehydrated.names, path, lambda: dehydrated.run(*dehydrated.command("--revoke", leaf)))


def test_external_account(bound_world):
    with Webroot(bound_world) as web:
        key = external_key(bound_world)
        dehydrated = Dehydrated(bound_world, web, names_for("dehydrated"),
                                f"EAB_KID={key['id']}\nEAB_HMAC_KEY={key['hmac_key']}\n")
        check_bound(bound_world, dehydrated.names, key, dehydrated.get())


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        dehydrated = Dehydrated(slow_world, web, names_for("dehydrated"))
        names = dehydrated.names
        check_slow(slow_world, names,
                   lambda: cut_short(slow_world, names, dehydrated.start(*dehydrated.command("--cron"))),
                   lambda: dehydrated.get("--force"))
