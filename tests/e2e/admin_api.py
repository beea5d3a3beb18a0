"""The operators' API at admin.listen, as a test asks it."""

import requests

from loopback import release_port, take_port
from test_ctl import ctl
from world import World

CSRF = "X-CSRF-Token"


def session():
    """A browser without memory, that no proxy of this machine is asked for."""
    browser = requests.Session()
    browser.trust_env = False
    return browser


class AdminWorld(World):
    """A world with admin.listen; admin: more keys below admin."""

    def __init__(self, folder, admin=None, **options):
        self.api_port, self.admin = take_port(), admin or {}
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
        return (browser or session()).request(method, self.api_url + path, headers=fields, verify=self.pki.ca, timeout=30, **more)

    def close(self):
        super().close()
        release_port(self.api_port)
