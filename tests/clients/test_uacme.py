"""uacme with a hook that fills a web server's folder. It waits 42 minutes, so it is cut short as a timer would."""

from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_slow, cut_short,
                    external_key, names_for)

HOOK = """#!/bin/sh
# $1 begin, done or failed; $2 type; $3 name; $4 token; $5 what to serve
[ "$2" = http-01 ] || exit 1
case $1 in
begin) printf %s "$5" >"{challenges}/$4" ;;
*) rm -f "{challenges}/$4" ;;
esac
"""


class Uacme(Home):
    def __init__(self, world, web, names):
        super().__init__(world)
        self.names = names
        self.hook = self.write("hook", HOOK.format(challenges=web.challenges), 0o700)

    def command(self, *what):
        return self.trusting("uacme", "-v", "-y", "-a", self.world.directory, "-c", self.make("conf"), "-h", self.hook,
                             *what)

    def get(self, *flags):
        self.run(*self.command(*flags, "issue", *self.names))
        return self.path("conf", self.names[0], "cert.pem")


def test_issue_and_renew(world):
    with Webroot(world) as web:
        uacme = Uacme(world, web, names_for("uacme"))
        uacme.run(*uacme.command("new"))
        check_new_and_renewed(world, uacme.names, uacme.get, lambda: uacme.get("-f", "-o"))


def test_revoke(world):
    with Webroot(world) as web:
        uacme = Uacme(world, web, names_for("uacme"))
        uacme.run(*uacme.command("new"))
        path = uacme.get()
        check_revoked(world, uacme.names, path, lambda: uacme.run(*uacme.command("revoke", path)))


def test_external_account(bound_world):
    with Webroot(bound_world) as web:
        uacme, key = Uacme(bound_world, web, names_for("uacme")), external_key(bound_world)
        uacme.run(*uacme.command("-e", f"{key['id']}:{key['hmac_key']}", "new"))
        check_bound(bound_world, uacme.names, key, uacme.get())


def test_slow_upstream(slow_world):
    with Webroot(slow_world) as web:
        uacme = Uacme(slow_world, web, names_for("uacme"))
        uacme.run(*uacme.command("new"))
        check_slow(slow_world, uacme.names,
                   lambda: cut_short(slow_world, uacme.names, uacme.start(*uacme.command("issue", *uacme.names))),
                   uacme.get)
