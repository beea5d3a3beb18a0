"""The operators' API at admin.listen, as a test asks it."""

from http.cookiejar import DefaultCookiePolicy

import requests

from loopback import release_port, take_port
from test_ctl import ctl
from world import World

CSRF = "X-CSRF-Token"


def session():
    """A browser, without the proxies of this machine."""
    browser = requests.Session()
    browser.trust_env = False
    return browser


class AdminWorld(World):
    """A world with admin.listen; admin: more keys below admin."""

    def __init__(self, folder, admin=None, **options):
        self.api_port, self.admin = take_port(), admin or {}
        self.kept = session()  # a connection for all calls; cookies are for browsers
        self.kept.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        super().__init__(folder, **options)

    def config(self):
        config = super().config()
        config["admin"].update(listen=[f"127.0.0.1:{self.api_port}"], **self.admin,
                               tls={"certificate": self.pki.certificate, "key": self.pki.key})
        return config

    @property
    def api_url(self):
        return f"https://127.0.0.1:{self.api_port}"

    def token(self, role, *more):
        return ctl(self, "token", "create", "--role", role, *more).stdout.strip()

    def ask(self, method, path, token=None, browser=None, headers=None, **more):
        """One call; its answer."""
        fields = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return (browser or self.kept).request(method, self.api_url + path, headers=fields, verify=self.pki.ca,
                                              timeout=30, **more)

    def stop_sandbox(self):
        """For the rest of the test."""
        self.sandbox.stop()
        self.sandbox = None

    def close(self):
        self.kept.close()
        super().close()
        release_port(self.api_port)
