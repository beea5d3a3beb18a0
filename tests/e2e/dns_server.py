"""knotd with the zones that the tests use, and dynamic updates under a TSIG key for dns-01."""

import base64
import os
import secrets

import dns.message
import dns.query
import dns.tsigkeyring
import dns.update

from loopback import release_port, take_port
from process import Process

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

CONFIG = """server:
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
    algorithm: hmac-sha256
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


class DnsServer:
    KEY = "acme-update"

    def __init__(self, folder):
        self.folder = os.path.join(folder, "knot")
        os.makedirs(self.folder)
        self.port = take_port()
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self._write("parent.zone", PARENT_ZONE)
        self._write("test.zone", TEST_ZONE)
        self._write("knot.conf", CONFIG.format(port=self.port, folder=self.folder, key=self.KEY, secret=self.secret,
                                               zone=ZONE))
        # knotd is in /usr/sbin, which is not in everybody's path.
        self.process = Process("knotd", ["/usr/sbin/knotd", "-c", os.path.join(self.folder, "knot.conf")], self.folder)
        self.process.wait_line(lambda line: "server started" in line)
        self._check_serving()

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def _check_serving(self):
        query = dns.message.make_query("anything." + ZONE, "A")
        answer = dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=10)
        assert "127.0.0.1" in answer.to_text(), f"knotd does not serve {ZONE}:\n{answer}"

    def update(self, change):
        """Sends one dynamic update: change(update) fills it."""
        ring = dns.tsigkeyring.from_text({self.KEY: self.secret})
        update = dns.update.Update(ZONE, keyring=ring, keyname=self.KEY, keyalgorithm="hmac-sha256")
        change(update)
        answer = dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=10)
        assert answer.rcode() == 0, f"knotd refused the update:\n{answer}"

    def stop(self):
        self.process.stop()
        release_port(self.port)
