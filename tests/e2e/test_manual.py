"""The commands of deploy/manual, run as a reader would, one page after the other, with the names and folders of a world."""

import glob
import os
import re
import shutil
import subprocess

import pytest
from cryptography import x509

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from engines import cases
from loopback import release_port, take_port
from process import clean_environment
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from world import program

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "manual")
# What needs a machine of its own is run by tests/package/inside, quickstart by a test of its own: (page, heading).
ELSEWHERE = {("getting-started.md", "From the package to a certificate"), ("operations.md", "On the new host"),
             ("getting-started.md", "Look at it first, without an account")}


def blocks_of(page):
    """[(heading, [command])] of the page's blocks of shell commands."""
    found, heading, block = [], "", None
    with open(os.path.join(MANUAL, page), encoding="utf-8") as file:
        for line in file:
            if block is not None and line.strip() == "```":
                commands = re.sub(r"\\\n\s*", "", "".join(block)).splitlines()
                found.append((heading, [command.strip() for command in commands]))
                block = None
            elif block is not None:
                block.append(line)
            elif line.strip() == "```sh":
                block = []
            elif line.startswith("#"):
                heading = line.strip("# \n")
    return found


class Reader:
    """Does what a page says. Words in capitals stand for what it has."""

    def __init__(self, world, admin_port):
        self.world, self.admin_port, self.words = world, admin_port, {"POLICY": "fleet"}
        self.home, self.typed, self.last = world.path("reader"), None, ""
        self.make_programs()
        self.client = AcmeClient(world.directory, world.pki.ca)
        assert self.client.new_account().status_code == 201

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, mode), "w", encoding="utf-8") as file:
            file.write(text)

    def make_programs(self):
        """What a reader's machine has by its installation."""
        port = self.world.ports["http01"]
        self.write("bin/acmegatectl", f'#!/bin/sh\ncase "$1" in --url) exec {program("acmegatectl")} "$@" ;; esac\n'
                   f'exec {program("acmegatectl")} --socket {self.world.path("admin.sock")} "$@"\n', 0o755)
        for name, path in (("acmegate", program("acmegate")), ("acmegate-setup", os.path.join(MANUAL, "..", "acmegate-setup"))):
            self.write("bin/" + name, f'#!/bin/sh\nexec {path} "$@"\n', 0o755)
        self.write("bin/lego", f'#!/bin/sh\nexec /usr/bin/lego --path {self.home}/lego --http.port 127.0.0.1:{port} "$@"\n', 0o755)
        self.write(".config/letsencrypt/cli.ini", "non-interactive = true\nhttp-01-address = 127.0.0.1\n"
                   f"http-01-port = {port}\nconfig-dir = {self.home}/config\nwork-dir = {self.home}/work\n"
                   f"logs-dir = {self.home}/logs\n")
        self.environment = clean_environment(HOME=self.home, PATH=f"{self.home}/bin:{os.environ['PATH']}",
                                             REQUESTS_CA_BUNDLE=self.world.pki.ca, LEGO_CA_CERTIFICATES=self.world.pki.ca)

    def bind(self, policy="fleet"):
        """A key of that policy, as KEY-ID and HMAC-KEY."""
        key = ctl_json(self.world, "eab", "create", policy)
        self.words.update({"KEY-ID": key["id"], "HMAC-KEY": key["hmac_key"]})

    def order(self, name):
        """A finalized order, as ORDER; its URL."""
        names = [f"{name}.{ZONE}"]
        with http_responder(self.world.ports["http01"]) as responder:
            url, order = self.client.ready_order(names, responder)
            assert self.client.finalize(order, make_csr(names)).status_code == 200
        self.words["ORDER"] = url.rsplit("/", 1)[1]
        return url

    def issuance(self):
        return ctl_json(self.world, "order", "show", self.words["ORDER"])["issuance"]

    def translate(self, command):
        for word, value in self.words.items():
            command = re.sub(rf"\b{word}\b", value, command)
        command = command.replace("https://gateway.example.org:8443", f"https://127.0.0.1:{self.admin_port}")
        command = command.replace("https://acme.example.org", self.world.acme_url)
        command = command.replace("http://www.example.org", self.world.public_url).replace("example.org", ZONE)
        command = command.replace("runuser -u acmegate -- ", "").replace("-g acmegate ", "-g root ")
        return command.replace("/var/lib/acmegate/", self.world.folder + "/").replace("/etc/acmegate/", self.world.folder + "/")

    def run(self, command):
        if command.startswith("systemctl "):
            self.steer(command.split()[1])
            return
        done = subprocess.run(["bash", "-c", self.translate(command)], env=self.environment, cwd=self.home, timeout=120,
                              input=self.typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout)
        self.last = done.stdout

    def steer(self, what):
        if what in ("stop", "restart"):
            self.world.stop_gateway()
        if what in ("start", "restart"):
            self.world.start_gateway()


# ---- what has happened before a reader comes to a heading, and what must have become of it ----

class Page:
    """Most headings need nothing."""

    def __init__(self, reader):
        self.reader, self.world, self.url = reader, reader.world, None

    def come_to(self, heading):
        getattr(self, "before_" + _noun(heading), lambda: None)()

    def leave(self, heading):
        getattr(self, "after_" + _noun(heading), lambda: None)()

    def wait_valid(self):
        assert "BEGIN CERTIFICATE" in self.reader.client.certificate(self.url)


def _noun(heading):
    return re.sub(r"\W+", "_", heading.lower()).strip("_")


class Operations(Page):
    def before_credit_ran_out(self):
        self.world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-15", "times": 1})
        self.url = self.reader.order("credit")
        wait_for("held", lambda: self.reader.issuance()["state"] == "held")

    after_credit_ran_out = Page.wait_valid

    def before_domain_control_is_stuck(self):
        self.world.dns.update(lambda update: (update.add("stuck", 60, "A", "127.0.0.1"),
                                              update.add("stuck", 60, "CAA", '0 issue ";"')))
        self.url = self.reader.order("stuck")
        wait_for("its note", lambda: "CAA" in (self.reader.issuance()["note"] or ""))

    def after_domain_control_is_stuck(self):
        wait_for("sent", lambda: self.reader.issuance()["state"] in ("submitted", "blocked"))
        self.world.dns.update(lambda update: update.delete("stuck"))

    def before_a_key_of_the_fleet_has_leaked(self):
        self.reader.bind()

    def after_a_key_of_the_fleet_has_leaked(self):
        assert ctl_json(self.world, "eab", "show", self.reader.words["KEY-ID"])["enabled"] is False

    def before_an_order_that_will_never_come(self):
        self.world.set_settings(paymentRequired=True)
        self.url = self.reader.order("never")
        wait_for("submitted", lambda: self.reader.issuance()["state"] == "submitted")

    def after_an_order_that_will_never_come(self):
        wait_for("its end", lambda: self.reader.client.fetch(self.url).json()["status"] == "invalid")
        self.world.set_settings(paymentRequired=False)

    def before_a_backup(self):
        os.makedirs(self.world.path("backups"))

    def after_a_restore(self):
        """The order that was valid at the backup still is, and the login is open again."""
        wait_for("open", lambda: ctl_json(self.world, "upstream", "status")["items"][0]["state"] == "open")
        names = [f"credit.{ZONE}"]
        assert [order["status"] for order in ctl_json(self.world, "order", "list", "--name", names[0])["items"]] == ["valid"]
        assert len(self.world.bought(names)) == 1

    def after_move_to_another_host(self):
        assert self.world.gateway is None
        self.world.start_gateway()

    def before_the_store_cannot_be_read(self):
        self.world.stop_gateway()

    def after_the_store_cannot_be_read(self):
        self.world.start_gateway()


class Fleet(Page):
    """A page of a client that certbot or lego is: bound, and bought once."""

    def come_to(self, heading):
        if "KEY-ID" not in self.reader.words:
            self.reader.bind()

    def leave(self, heading):
        assert len(self.world.bought(["www." + ZONE])) == 1


class Start(Page):
    def before_live(self):
        """What the reader has written into the configuration by then."""
        before = self.world.change

        def change(config):
            before(config)
            config["acme"]["tls"] = {"own": {"file": self.world.path("own.pem"), "policy": "gateway",
                                             "names": ["acme." + ZONE]}}
        self.world.change = change
        self.world.write_config()

    def after_live(self):
        wait_for("the listener's own certificate", lambda: len(self.world.bought(["acme." + ZONE])) == 1)
        wait_for("it in its file", lambda: _is_issued(self.world.path("own.pem")))


def _is_issued(path):
    with open(path, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    return certificate.issuer != certificate.subject


class AdminApi(Page):
    def before_from_elsewhere(self):
        shutil.copy(self.world.pki.ca, os.path.join(self.reader.home, "company-root.pem"))


class DomainControl(Page):
    def after_by_a_file_http(self):
        assert " 404 " in self.reader.last and "no such file" in self.reader.last

    def before_by_a_cname_record_cname(self):
        os.makedirs(self.world.path("secrets"))
        self.reader.typed = "c2VjcmV0\n"

    def after_by_a_cname_record_cname(self):
        with open(self.world.path("secrets/tsig"), encoding="ascii") as file:
            assert file.read() == self.reader.typed
        assert os.stat(self.world.path("secrets/tsig")).st_mode & 0o777 == 0o640


PAGES = {"admin-api.md": AdminApi, "clients.md": Page, "getting-started.md": Start, "operations.md": Operations,
         "moving.md": Page, "configuration.md": Page, "domain-control.md": DomainControl, "cost.md": Page,
         "notifications.md": Page, "clients/certbot.md": Fleet, "clients/lego-traefik.md": Fleet}


def _quick(config):
    config["acme"]["hold_finalize"] = "5s"
    config["profiles"][0].update(first_poll="1s", poll_interval="1s")
    config["notify"] = {"targets": [{"name": "chat", "program": "/bin/true"}]}


@pytest.fixture
def free_port():
    port = take_port()
    yield port
    release_port(port)


@pytest.mark.parametrize("page", cases(sorted(PAGES), ["operations.md"], "its backups"))
def test_page(make_world, free_port, page):
    def change(config):
        _quick(config)
        config["admin"].update(listen=[f"127.0.0.1:{free_port}"], tls=dict(config["acme"]["tls"]))

    reader = Reader(make_world(learn="both", change=change), free_port)
    ctl(reader.world, "policy", "create", "fleet", "names=*")
    told = PAGES[page](reader)
    blocks = [(heading, commands) for heading, commands in blocks_of(page) if (page, heading) not in ELSEWHERE]
    headings = [heading for heading, _ in blocks]
    for i, (heading, commands) in enumerate(blocks):
        if i == 0 or headings[i - 1] != heading:
            told.come_to(heading)
        for command in commands:
            reader.run(command)
        if i + 1 == len(blocks) or headings[i + 1] != heading:
            told.leave(heading)


def _has_plain_command(page):
    """One that is indented, between empty lines, where no block of code is."""
    with open(os.path.join(MANUAL, page), encoding="utf-8") as file:
        prose = re.sub(r"(?ms)^\s*```.*?^\s*```$", "", file.read())
    return re.search(r"(?m)^$\n    \S", prose)


def test_no_page_is_left_out():
    pages = {os.path.relpath(path, MANUAL) for path in glob.glob(MANUAL + "/**/*.md", recursive=True)}
    assert {page for page in pages if blocks_of(page)} == set(PAGES)
    assert not [page for page in pages if _has_plain_command(page)], "commands stand in blocks of sh"
    assert ELSEWHERE <= {(page, heading) for page in pages for heading, _ in blocks_of(page)}


def test_what_is_told_of_headings_is_of_headings_that_exist():
    nouns = {_noun(heading) for heading, _ in blocks_of("operations.md")}
    told = {re.sub("^(before|after)_", "", name) for name in vars(Operations) if name.startswith(("before_", "after_"))}
    assert told <= nouns, told - nouns


def test_the_reference_is_what_the_table_says():
    done = subprocess.run([os.path.join(MANUAL, "reference"), os.path.dirname(program("acmegate")), "--check"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
