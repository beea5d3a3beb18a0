"""knotd or BIND's named with the zones that the tests use, and dynamic updates under a TSIG key."""

import base64
import os
import re
import secrets
import shutil

import dns.message
import dns.query
import dns.tsigkeyring
import dns.update

from loopback import release_port, take_port
from process import Process, run

# Not under .test, which libunbound answers itself. The parent is served too, so that a resolver that climbs
# the tree for CAA is never refused.
ZONE = "acme.example"

PARENT_ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns.acme.example. hostmaster.acme.example. 1 3600 600 86400 1
@ NS ns.acme.example.
acme NS ns.acme.example.
ns.acme A 127.0.0.1
"""

# A name that has anything below it no longer gets the wildcard's addresses, so the names used with dns-01
# have their own.
TEST_ZONE = """$ORIGIN acme.example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
@ A 127.0.0.1
ns A 127.0.0.1
* A 127.0.0.1
dns1 A 127.0.0.1
dns2 A 127.0.0.1
*.v6 AAAA ::1
*.nowhere TXT "no address here"
refused CAA 0 issue ";"
refused A 127.0.0.1
"""

KNOT = """server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
    pidfile: "{folder}/knot.pid"
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
database:
    storage: "{folder}"
    journal-db-max-size: 64M
    kasp-db-max-size: 10M
    timer-db-max-size: 10M
log:
  - target: stderr
    any: info
key:
  - id: {key}
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: updates
    action: update
    key: {key}
  - id: transfers
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
zone:
  - domain: example
    file: parent.zone
  - domain: {zone}
    file: test.zone
    acl: [updates, transfers]
"""


BIND = """options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    {lock_file}
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify no;
    allow-transfer {{ 127.0.0.1; }};
}};
controls {{ }};
key "{key}" {{ algorithm {algorithm}; secret "{secret}"; }};
zone "example" {{ type primary; file "parent.zone"; }};
zone "{zone}" {{ type primary; file "test.zone"; allow-update {{ key "{key}"; }}; }};
"""


class DnsServer:
    """software: knot or bind; algorithm: of the TSIG key."""
    KEY = "acme-update"

    def __init__(self, folder, software="knot", algorithm="hmac-sha256"):
        self.folder, self.algorithm = os.path.join(folder, software), algorithm
        os.makedirs(self.folder)
        self.port = take_port()
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self.secret_file = self._write("tsig-secret", self.secret + "\n", 0o600)
        self._write("parent.zone", PARENT_ZONE)
        self._write("test.zone", TEST_ZONE)
        self.process = {"knot": self._start_knot, "bind": self._start_bind}[software]()
        self._check_serving()

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="ascii") as file:
            file.write(text)
        return path

    def _config(self, name, text, **more):
        return self._write(name, text.format(port=self.port, folder=self.folder, key=self.KEY, secret=self.secret,
                                             zone=ZONE, algorithm=self.algorithm, **more))

    def _start_knot(self):
        # knotd is in /usr/sbin, which is not in everybody's path.
        process = Process("knotd", ["/usr/sbin/knotd", "-c", self._config("knot.conf", KNOT)], self.folder)
        process.wait_line(lambda line: "server started" in line)
        return process

    def _start_bind(self):
        # A copy, because Debian's AppArmor profile keeps /usr/sbin/named itself to the folders of the service.
        program = shutil.copy("/usr/sbin/named", self.folder)
        # Below 9.20 each named holds one lock of the whole system by default; from there on there is none to forgo.
        version = re.search(r"BIND 9\.(\d+)", run([program, "-v"], self.folder).output)
        config = self._config("named.conf", BIND, lock_file="lock-file none;" if int(version.group(1)) < 20 else "")
        process = Process("named", [program, "-g", "-n", "1", "-c", config], self.folder)
        process.wait_line(lambda line: line.endswith(" running"))
        return process

    def _check_serving(self):
        query = dns.message.make_query("anything." + ZONE, "A")
        answer = dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=10)
        assert "127.0.0.1" in answer.to_text(), f"{self.process.name} does not serve {ZONE}:\n{answer}"

    def update(self, change):
        """Sends one dynamic update: change(update) fills it."""
        ring = dns.tsigkeyring.from_text({self.KEY: self.secret})
        update = dns.update.Update(ZONE, keyring=ring, keyname=self.KEY, keyalgorithm=self.algorithm)
        change(update)
        answer = dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=10)
        assert answer.rcode() == 0, f"{self.process.name} refused the update:\n{answer}"

    def stop(self):
        self.process.stop()
        release_port(self.port)
