"""deploy/README.md from the first command to a restored backup, and the examples of the manual: what stands there runs.

Below a folder of the test's own instead of /, as one user, and with the world's gateway in place of systemd's."""

import os
import re
import shlex
import ssl
import subprocess

import pytest
import yaml
from cryptography import x509

from dns_server import ZONE
from pki import chain_of
from process import TESTS, clean_environment
from test_ctl import ctl_json
from world import PASSWORD, program, World, BUILD, LOGIN

ROOT = os.path.abspath(os.path.join(TESTS, ".."))
HOST = "gate." + ZONE


def _sections():
    """Heading -> its commands, one each, with continued lines joined."""
    sections, heading = {}, ""
    with open(os.path.join(ROOT, "deploy/README.md"), encoding="utf-8") as file:
        text = file.read().replace(" \\\n        ", " ")
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        elif line.startswith("    ") and line.strip():
            sections.setdefault(heading, []).append(line.strip())
    return sections


SECTIONS = _sections()


class Machine:
    """A world whose gateway is the one that the README installs."""

    def __init__(self, folder):
        self.world = World(folder, learn="poll")
        self.world.stop_gateway()
        self.root = self.world.path("machine")
        self.socket = self.root + "/run/acmegate/admin.sock"
        for path in ("var/lib", "run/acmegate"):
            os.makedirs(os.path.join(self.root, path))
        self.group = subprocess.run(["id", "-gn"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def path(self, name):
        return self.root + name

    def _here(self, command):
        """The command as it is for this machine; None: for another's package manager, users or systemd alone."""
        if re.match(r"apt-get |cmake -G |systemctl (daemon|enable)", command):
            return None
        if command.startswith("systemd-sysusers"):
            return self._folders()
        operator = f"{self.path('/usr/local/bin')}/acmegatectl --socket {self.socket} "
        for pattern, instead in ((r"-o acmegate ", ""), (r"-g acmegate ", ""), (r"chgrp acmegate \S+ && ", ""),
                                 (r" && chown -R acmegate: \S+", ""), (r"runuser -u acmegate -- ", ""),
                                 (r"(?<![\w/])acmegatectl ", operator),
                                 (r"(?<![\w.])/(etc|var|run|usr/local)/", rf"{self.root}/\1/"),
                                 (r"^cmake --install build", f"DESTDIR={self.root} cmake --install {os.path.abspath(BUILD)}"),
                                 (r"subjectAltName=DNS:acme\.example\.org", "subjectAltName=IP:127.0.0.1"),
                                 (r"(names=|-d )acme\.example\.org", r"\1" + HOST),
                                 (r"https://acme\.example\.org", self.world.acme_url)):
            command = re.sub(pattern, instead, command)
        return command

    def _folders(self):
        """What systemd-tmpfiles would do, for the one user that there is."""
        with open(self.path("/etc/tmpfiles.d/acmegate.conf"), encoding="utf-8") as file:
            lines = [line.split() for line in file if line.startswith("d ")]
        return " && ".join(f"install -d -m {mode} {self.path(path)}" for _, path, mode, *_ in lines)

    def run(self, command, stdin="", **words):
        """Runs a command of the README, with words of it replaced. Returns what it wrote."""
        here = self._here(command)
        if here is None:
            return ""
        found = re.match(r"systemctl (\w+) acmegate$", here)
        if found:
            getattr(self.world, found.group(1) + "_gateway")()
            return ""
        for word, instead in words.items():
            here = here.replace(word.replace("_", "-"), instead)
        done = subprocess.run(["bash", "-c", here], cwd=ROOT, text=True, input=stdin, timeout=120,
                              env=clean_environment(ACMEGATE_TLS=self.path("/etc/acmegate/tls"),
                                                    ACMEGATE_GROUP=self.group, ACMEGATE_RELOAD=f"kill -HUP {self.pid}"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{command}\n{here}\n{done.stdout}"
        return done.stdout

    @property
    def pid(self):
        return self.world.gateway.pid if self.world.gateway else 0

    def edit_configuration(self):
        """What the README asks to be edited, with the addresses of this world; all else stays as it was installed."""
        path, known = self.path("/etc/acmegate/acmegate.yaml"), self.world.config()
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(re.sub(r"(?<=[ :])/(etc|var|run)/", rf"{self.root}/\1/", file.read()))
        config["acme"].update(url=self.world.acme_url, listen=known["acme"]["listen"])
        config["public"]["listen"] = known["public"]["listen"]
        config["validation"], config["dcv"] = known["validation"], known["dcv"]
        config["logins"][0].update(url=self.world.sandbox_url, login=LOGIN,
                                   ca_file=self.world.path("sandbox/tls-ca.pem"))
        config["profiles"][0].update(first_poll="1s", poll_interval="1s")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        os.replace(path, self.world.path("acmegate.yaml"))
        os.symlink(self.world.path("acmegate.yaml"), path)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Installed by the README, and running."""
    one = Machine(tmp_path_factory.mktemp("world"))
    for command in SECTIONS["Running acmegate"]:
        if command.startswith("runuser"):
            one.edit_configuration()
            with open(one.world.root, encoding="utf-8") as sandbox, \
                    open(one.path("/etc/acmegate/sectigo-roots.pem"), "a", encoding="utf-8") as roots:
                roots.write(sandbox.read())  # as a test login's root is added
            said = one.run(command)
            assert ": ok" in said and "WARNING" not in said, said
            one.world.start_gateway()
        else:
            one.run(command, stdin=PASSWORD + "\n" if "/dev/stdin" in command and "|" not in command else "")
    yield one
    one.world.close()


def _mode(path):
    return os.stat(path).st_mode & 0o777


def test_files_are_as_the_table_says(machine):
    for path, mode in (("/etc/acmegate", 0o750), ("/etc/acmegate/tls", 0o750), ("/etc/acmegate/secrets", 0o750),
                       ("/etc/acmegate/secrets/sectigo-password", 0o640), ("/etc/acmegate/tls/privkey.pem", 0o640),
                       ("/etc/acmegate/secrets/push-password", 0o640), ("/var/lib/acmegate", 0o700),
                       ("/var/lib/acmegate/store", 0o700), ("/var/lib/acmegate/store.key", 0o600),
                       ("/run/acmegate/admin.sock", 0o660)):
        assert _mode(machine.path(path)) == mode, f"{path} has mode {_mode(machine.path(path)):o}"
    for path in ("sbin/acmegate", "bin/acmegatectl", "bin/sectigo", "share/man/man8/acmegate.8",
                 "share/man/man1/acmegatectl.1", "share/bash-completion/completions/acmegatectl"):
        assert os.path.exists(machine.path("/usr/local/" + path)), path


def test_the_roots_are_sectigos(machine):
    with open(machine.path("/etc/acmegate/sectigo-roots.pem"), "rb") as file:
        subjects = [one.subject.rfc4514_string() for one in chain_of(file.read())]
    for name in ("Sectigo Public Server Authentication Root R46", "Sectigo Public Server Authentication Root E46",
                 "USERTrust RSA Certification Authority", "USERTrust ECC Certification Authority"):
        assert any(f"CN={name}" in subject for subject in subjects), f"{name} is not among {subjects}"


def test_its_own_certificate(machine):
    """Signed by itself first; then the gateway orders its own, and certbot's hook puts it in place."""
    before = ssl.get_server_certificate(("127.0.0.1", machine.world.ports["acme"]))
    hmac = {}
    for command in SECTIONS["Its own certificate"]:
        if "certbot" in command:
            folders = " ".join(f"--{kind}-dir {shlex.quote(machine.world.path('certbot'))}"
                               for kind in ("config", "work", "logs"))
            command += f" {folders} --http-01-port {machine.world.ports['http01']}"
        said = machine.run(command, **hmac)
        found = re.search(r"HMAC key: +(\S+)", said)
        hmac = {"HMAC_KEY": found.group(1)} if found else hmac
    machine.world.wait_log(lambda line: line.get("msg") == "the configuration is read anew")
    after = x509.load_pem_x509_certificate(
        ssl.get_server_certificate(("127.0.0.1", machine.world.ports["acme"])).encode())
    assert after.issuer != x509.load_pem_x509_certificate(before.encode()).issuer
    names = after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert _mode(machine.path("/etc/acmegate/tls/privkey.pem")) == 0o640


def test_policies_and_keys(machine):
    for command in SECTIONS["Who may have certificates"]:
        machine.run(command)
    assert {"web", "inside"} <= {row["name"] for row in _ctl(machine, "policy", "list")["items"]}


def _ctl(machine, *words):
    class Place:
        folder = machine.root

        @staticmethod
        def path(_name):
            return machine.socket
    return ctl_json(Place, *words)


def test_upgrade_and_restoring(machine):
    os.makedirs(machine.path("/var/lib/acmegate/backups"), exist_ok=True)  # the unit does
    for command in SECTIONS["Upgrade and downgrade"]:
        machine.run(command)
    assert os.listdir(machine.path("/var/lib/acmegate/backups/before-upgrade"))
    for command in SECTIONS["A backup, and its restoring"]:
        machine.run(command, TODAY="before-upgrade")
    login, = _ctl(machine, "upstream", "status")["items"]
    assert login["state"] in ("reconciling", "open"), login
    while _ctl(machine, "upstream", "status")["items"][0]["state"] == "reconciling":
        pass  # bounded by the test's own time
    assert _ctl(machine, "upstream", "status")["items"][0]["state"] == "open"


def test_the_unit_lets_the_daemon_write_where_the_documents_say():
    with open(os.path.join(ROOT, "deploy/acmegate.service"), encoding="utf-8") as file:
        unit = file.read()
    writable = [f"/var/lib/{name}" for name in re.search(r"^StateDirectory=(.*)$", unit, re.M).group(1).split()]
    for document in ("deploy/README.md", "deploy/manual/acmegatectl.1"):
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            places = re.findall(r"acmegatectl backup (/\S+)/", file.read())
        assert places and set(places) <= set(writable), f"{document}: {places}"


def _examples(manual):
    with open(os.path.join(ROOT, "deploy/manual", manual), encoding="utf-8") as file:
        found = re.search(r"\.SH EXAMPLES\n\.nf\n(.*?)\.fi", file.read(), re.S)
    return [line.replace("\\-", "-") for line in found.group(1).splitlines()]


@pytest.mark.parametrize("example", _examples("acmegatectl.1"))
def test_the_manuals_examples(machine, example, tmp_path):
    os.makedirs(machine.path("/var/lib/acmegate/backups"), exist_ok=True)
    if "--follow" in example:  # until it is interrupted
        example = f"timeout --signal INT 2 {example} || [ $? = 124 ]"
    example = re.sub(r"> (\w+\.\w+)$", rf"> {tmp_path}/\1", example)  # not into the tree
    machine.run(example.replace("| jq .items", "| /usr/bin/python3 -m json.tool"))


def test_packages_that_it_runs_with():
    """Every library that the programs are linked with is in a package that the README lists."""
    listed = set(SECTIONS["Running acmegate"][0].split())
    for name in ("acmegate", "acmegatectl", "sectigo"):
        out = subprocess.run(["readelf", "-d", program(name)], check=True, text=True, stdout=subprocess.PIPE).stdout
        for library in re.findall(r"NEEDED.*\[(.*?)\]", out):
            if re.match(r"lib(c|m|asan|ubsan|tsan|gcc_s)\.so|ld-linux", library):
                continue
            owner = subprocess.run(["dpkg-query", "-S", "*/" + library], check=True, text=True,
                                   stdout=subprocess.PIPE)
            package = re.sub(r"t64$", "", owner.stdout.split(":")[0])
            assert package in listed, f"{name} needs {library} of {package}"
