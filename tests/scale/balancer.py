"""HAProxy in front of the gateways, as an operator would set it up: each connection goes to the next gateway that says by
/readyz that it is ready, and to nobody else."""

import contextlib
import http.client
import os
import socket

from chaos_world import wait_for
from process import Process

LOOK_S = 1
# One that only waits for an owner is not asked again before it is known to be ready: a connection that comes while nobody is
# ready is kept for a while, since another owner begins within seconds. One whose gateway is marked down is ended.
CONFIG = """global
    maxconn 4000
    stats socket {socket} mode 600 level admin
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
    default-server inter 200ms fastinter 100ms fall 1 rise 1 on-marked-down shutdown-sessions

listen acme
    bind 127.0.0.1:{acme}
    tcp-request inspect-delay 3s
    tcp-request content accept if {{ nbsrv gt 0 }}
    tcp-request content accept if WAIT_END
    option httpchk GET /readyz
    http-check expect status 200
{acme_servers}

listen public
    bind 127.0.0.1:{public}
{public_servers}
"""


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
        self.socket = os.path.join(folder, "haproxy.sock")
        self.path = os.path.join(folder, "haproxy.cfg")
        with open(self.path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(
                socket=self.socket, acme=ports["acme"], public=ports["public"],
                acme_servers=self._servers(gateways, "acme", "check port {metrics}"),
                public_servers=self._servers(gateways, "public", "track acme/{name}")))
        self.process = Process("haproxy", ["haproxy", "-db", "-f", self.path], folder)
        wait_for("HAProxy to see a gateway that is ready", self._is_up)

    @staticmethod
    def _servers(gateways, kind, more):
        return "\n".join(f"    server {name} 127.0.0.1:{own[kind]} " + more.format(name=name, **own)
                         for name, own in gateways.items())

    def _is_up(self):
        assert self.process.is_running(), self.process.tail()
        with contextlib.suppress(OSError):
            return self.up() != []
        return False

    def statistics(self):
        """Of each gateway's place in front of acme: what HAProxy counts, by its names."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(LOOK_S)
            asked.connect(self.socket)
            asked.sendall(b"show stat\n")
            text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        names, *rows = [line.split(",") for line in text.removeprefix("# ").splitlines() if line]
        found = [dict(zip(names, row)) for row in rows]
        return {row["svname"]: row for row in found
                if row["pxname"] == "acme" and row["svname"] not in ("FRONTEND", "BACKEND")}

    def up(self):
        return [name for name, row in self.statistics().items() if row["status"].startswith("UP")]

    def served(self):
        """How many connections each gateway had."""
        return {name: int(row["stot"]) for name, row in self.statistics().items()}

    def close(self):
        self.process.stop()
