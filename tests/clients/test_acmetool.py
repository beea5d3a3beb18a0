"""acmetool with a web server's folder. It waits as long as it is told to, so it is cut short as a timer would."""

import glob
import shutil

from matrix import Home, Webroot, check_new_and_renewed, check_slow, cut_short, names_for

TARGET = """request:
  provider: {directory}
  key:
    type: ecdsa
  challenge:
    webroot-paths:
      - {challenges}
    http-self-test: false
"""

RESPONSES = """"acme-enter-email": "hostmaster@acme.example"
"""


class Acmetool(Home):
    def __init__(self, world, web, names):
        super().__init__(world)
        self.names = names
        self.make("state", "conf")
        self.make("hooks")
        self.write("state/conf/target", TARGET.format(directory=world.directory, challenges=web.challenges))
        self.write("responses", RESPONSES)
        self.run(*self.command("want", "--no-reconcile", *names))

    def command(self, *what):
        return ["acmetool", "--batch", "--xlog.severity=debug", "--state", self.path("state"), "--hooks",
                self.path("hooks"), "--response-file", self.path("responses"), *what]

    def get(self):
        self.run(*self.command("reconcile"))
        return self.path("state", "live", self.names[0], "fullchain")

    def renew(self):
        """It has no way to renew what is still good, but to lose it."""
        for path in glob.glob(self.path("state", "certs", "*")):
            shutil.rmtree(path)
        return self.get()


def test_reconcile_and_again(world):
    with Webroot(world) as web:
        acmetool = Acmetool(world, web, names_for("acmetool"))
        check_new_and_renewed(world, acmetool.names, acmetool.get, acmetool.renew)


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        acmetool = Acmetool(slow_world, web, names_for("acmetool"))
        names = acmetool.names
        check_slow(slow_world, names,
                   lambda: cut_short(slow_world, names, acmetool.start(*acmetool.command("reconcile"))), acmetool.get)
