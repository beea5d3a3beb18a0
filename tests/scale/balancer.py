"""HAProxy in front of the gateways, as an operator would set it up: each connection goes to the next gateway that says by
/readyz that it is ready, and to nobody else."""

import contextlib
import http.client
import os
import shutil
import socket
import tempfile

from chaos_world import wait_for
from process import Process

LOOK_S = 1
# A connection that comes while nobody is ready waits in one room after the other, a second in each: another gateway owns
# the store soon. They are so many and no more, since whoever has hung up passes through without waiting. What has a
# connection keeps it when it is not ready any more: it may be about to end well. One that is busy may say once or twice
# that its store takes no write within two seconds.
ROOMS = 15
CONFIG = """global
    maxconn 8000
    stats socket {folder}/haproxy.sock mode 600 level admin
    hard-stop-after 1s

defaults
    mode tcp
    balance roundrobin
    retries 3
    option redispatch 1
    timeout connect 1s
    timeout check 3s
    timeout client 2m
    timeout server 2m
    timeout tunnel 2m
    default-server inter 200ms fastinter 1s fall 3 rise 1

listen acme
    bind 127.0.0.1:{acme}
    option httpchk GET /readyz
    http-check expect status 200
{acme_servers}
    server waiting unix@{folder}/room0.sock backup

listen public
    bind 127.0.0.1:{public}
{public_servers}
"""
ROOM = """
listen room{number}
    bind unix@{folder}/room{number}.sock
    tcp-request inspect-delay 1s
    tcp-request content accept if WAIT_END
{servers}
"""
NEXT_ROOM = "    server waiting unix@{folder}/room{number}.sock backup\n"


def is_ready(metrics_port):
    connection = http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=LOOK_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Balancer:
    """ports: acme and public, which it listens on; gateways: of each by its name its own acme, public and metrics."""

    def __init__(self, folder, ports, gateways):
        self.folder = tempfile.mkdtemp(prefix="acmegate-haproxy-")  # the names of sockets are short
        self.socket = os.path.join(self.folder, "haproxy.sock")
        self.path = os.path.join(folder, "haproxy.cfg")
        with open(self.path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(
                folder=self.folder, acme=ports["acme"], public=ports["public"],
                acme_servers=self._servers(gateways, "acme", "check port {metrics}"),
                public_servers=self._servers(gateways, "public", "track acme/{name}")))
            file.writelines(self._room(gateways, number) for number in range(ROOMS))
        self.process = Process("haproxy", ["haproxy", "-db", "-f", self.path], folder)
        wait_for("HAProxy", self._answers)
        for name in gateways:
            self._doubt(name)
        wait_for("HAProxy to see a gateway that is ready", lambda: self.up() != [])

    @staticmethod
    def _servers(gateways, kind, more):
        return "\n".join(f"    server {name} 127.0.0.1:{own[kind]} " + more.format(name=name, **own)
                         for name, own in gateways.items())

    def _room(self, gateways, number):
        more = NEXT_ROOM.format(folder=self.folder, number=number + 1) if number + 1 < ROOMS else ""
        return ROOM.format(folder=self.folder, number=number,
                           servers=self._servers(gateways, "acme", "track acme/{name}") + "\n" + more)

    def _answers(self):
        assert self.process.is_running(), self.process.tail()
        with contextlib.suppress(OSError):
            return self.statistics()
        return None

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(LOOK_S)
            asked.connect(self.socket)
            asked.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: asked.recv(65536), b"")).decode()

    def statistics(self):
        """Of each gateway's place in front of acme: what HAProxy counts, by its names."""
        text = self.ask("show stat")
        names, *rows = [line.split(",") for line in text.removeprefix("# ").splitlines() if line]
        found = [dict(zip(names, row)) for row in rows]
        return {row["svname"]: row for row in found
                if row["pxname"] == "acme" and row["svname"] not in ("FRONTEND", "BACKEND", "waiting")}

    def up(self):
        return [name for name, row in self.statistics().items() if row["status"].startswith("UP")]

    def busy(self, name):
        """Whether it has a connection."""
        return self.statistics()[name]["scur"] != "0"

    def drain(self, name):
        """It gets no more connections, and keeps those that it has."""
        self._set(name, "drain")

    def use(self, name):
        """As its health says from now on."""
        self._doubt(name)
        self._set(name, "ready")

    def _doubt(self, name):
        """HAProxy takes a server for one that serves until three looks at it have failed: one that waits would get
        connections meanwhile, and refuse them. Now it gets none until a look at it is well."""
        self._tell(f"set server acme/{name} health down")

    def _set(self, name, state):
        for kind in ("acme", "public"):
            self._tell(f"set server {kind}/{name} state {state}")

    def _tell(self, command):
        said = self.ask(command).strip()
        assert not said, said

    def served(self):
        """How many connections each gateway had."""
        return {name: int(row["stot"]) for name, row in self.statistics().items()}

    def close(self):
        self.process.stop()
        shutil.rmtree(self.folder)
