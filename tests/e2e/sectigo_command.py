"""The command sectigo as tests run it, with a sandbox to talk to."""

import json
import os
import pathlib
import pty
import re
import subprocess
import urllib.parse

import pytest

from process import SANITIZER, clean_environment
from sandbox_client import BUILD, Csr, Net

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTIGO = BUILD / "sectigo"
PASSWORD = "tr0ub4dor&3+=%"
NAME = "www.example.org"
DONE, REFUSED, USAGE, UNKNOWN, NO_ANSWER, NOT_YET, UNCONFIRMED, LOCAL = range(8)
COMMANDS = ["apply", "collect", "status", "replace", "authorize", "revoke", "reject", "refund", "third-party",
            "upgrade-cost", "report", "balance", "update-dcv", "dcv-status", "resend-dcv", "retry-caa", "dcv-addresses", "decode-csr",
            "token", "push", "products", "codes"]
OFFLINE_COMMANDS = ("token", "push", "products", "codes")


class Ran:
    """A command that has ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        assert not SANITIZER.search(err), err
        assert PASSWORD not in out + err and urllib.parse.quote(PASSWORD) not in out + err

    @property
    def json(self):
        """Its only line."""
        line, = self.out.splitlines()
        return json.loads(line)

    @property
    def values(self):
        """What stands before the first empty line: names and values."""
        return dict(line.split(None, 1) for line in self.out.split("\n\n")[0].splitlines())

    @property
    def rows(self):
        """Of the table at the end: one list of words for each line, the header's first."""
        return [re.split(r"  +", line) for line in self.out.split("\n\n")[-1].splitlines()]


def run(*arguments, env=None, stdin=subprocess.DEVNULL, **more):
    done = subprocess.run([str(SECTIGO), *map(str, arguments)], stdin=stdin, capture_output=True, timeout=60,
                          env=clean_environment(**(env or {})), **more)
    return Ran(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode())


class Cli:
    """The command with the login of a sandbox."""

    def __init__(self, net, folder):
        self.net, self.folder = net, folder
        password = self.file("password", PASSWORD + "\nsecond line\n")
        self.box = net.sandbox("--login", "partner", "--password-file", password)
        self.box.login, self.box.password = "partner", PASSWORD
        self.where = ["--url", self.box.url, "--ca-file", self.box.data / "tls-ca.pem"]
        self.login = ["--login", "partner", "--password-file", password]

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def __call__(self, command, *arguments, **more):
        login = [] if command in (*OFFLINE_COMMANDS, "decode-csr") else self.login
        where = [] if command in OFFLINE_COMMANDS else self.where
        return run(command, *where, *login, *arguments, **more)

    def order(self, csr=None, *arguments, product=287, days=365, publish=True, yes=True, **more):
        """apply with what every certificate needs."""
        csr = csr or Csr(NAME)
        path = self.file("order.csr", csr.pem)
        if publish:
            self.net.host(NAME)
            self.net.web.publish(csr)
        fixed = ["--product", product, "--days", days, "--csr", path, "--dcvMethod", "HTTP_CSR_HASH",
                 "--omitAdditionalFQDN", "Y"] + (["--yes"] if yes else [])
        return self("apply", *fixed, *arguments, **more)

    def placed(self):
        return len(self.box.ledger()["orders"])


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    net = Net()
    yield Cli(net, tmp_path_factory.mktemp("cli"))
    net.close()


@pytest.fixture
def own(tmp_path):
    """A sandbox that may be put into any state."""
    net = Net()
    yield Cli(net, tmp_path)
    net.close()


def issued(cli, *arguments):
    """Number and certificate ID of an order that is issued."""
    order = cli.order(None, "--json", *arguments).json
    cli.box.wait_state(order["orderNumber"], "issued")
    return order["orderNumber"], order["certificateID"]


def on_terminal(cli, answer, *arguments):
    """A command whose stdin is a terminal on which somebody types."""
    master, slave = pty.openpty()
    os.write(master, answer.encode())
    try:
        return cli(*arguments, stdin=slave)
    finally:
        os.close(master)
        os.close(slave)
