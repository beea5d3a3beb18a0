"""A primary and its synchronous standby, and the wire by which each gateway reaches both."""

import os
import shutil
import signal
import subprocess
import tempfile

from loopback import release_port, take_port
from process import Process
from server import Server, Standby

# Its servers are sockets in two folders whose names stay, whichever server is behind them.
WIRE = """defaults
    mode tcp
    retries 0
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
"""
ROAD = """
listen road{number}
    bind 127.0.0.1:{port}
    server there unix@{place}/.s.PGSQL.5432
"""


class Pair:
    """Two places with a server each; which of them takes writes changes when one dies."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="acmegate-pair-")
        self.servers, self.primary = [], 0
        try:
            self.servers.append(Server())
            self.servers.append(Standby(self.servers[0]))
            for number in range(2):
                self._show(number)
        except BaseException:
            self.close()
            raise

    def place(self, number):
        return os.path.join(self.folder, str(number))

    def _show(self, number):
        new = self.place(number) + ".new"
        os.symlink(self.servers[number].folder, new)
        os.replace(new, self.place(number))

    def hold_back(self):
        """What the primary writes from now on the standby does not hear of, and no commit is acknowledged."""
        self.servers[self.primary].hold_back()

    def fail_over(self):
        """The primary dies, and the standby takes its place."""
        self.servers[self.primary].kill()
        self.primary = 1 - self.primary
        self.servers[self.primary].promote()

    def mend(self):
        """Who died is replaced by a new standby of the one that lives."""
        dead = 1 - self.primary
        if self.servers[dead].process.poll() is None:
            return
        self.servers[dead].close()
        self.servers[dead] = Standby(self.servers[self.primary])
        self._show(dead)

    def close(self):
        for server in self.servers:
            server.close()
        shutil.rmtree(self.folder)


# In a network of its own (tests/scale/run --drop) what is held is dropped, packet by packet, new connections among it.
DROPS = os.environ.get("ACMEGATE_SCALE_DROPS") == "1"


class Wire:
    """A gateway's way to the servers of a pair. Held, it takes what is sent and lets nothing through, until it goes on or
    is cut: nobody is told, and no connection ends. Cut, it has lost what was sent, and nobody can connect until it is
    mended."""

    def __init__(self, folder, name, pair):
        self.folder, self.name, self.process = folder, name, None
        self.ports = [take_port(), take_port()]
        self.path = os.path.join(folder, f"wire-{name}.cfg")
        with open(self.path, "w", encoding="ascii") as file:
            file.write(WIRE + "".join(ROAD.format(number=number, port=port, place=pair.place(number))
                                      for number, port in enumerate(self.ports)))
        self.mend()

    @property
    def connection(self):
        hosts, ports = ",".join("127.0.0.1" for _ in self.ports), ",".join(map(str, self.ports))
        return f"host={hosts} port={ports} user=acmegate dbname=postgres"

    def mend(self):
        self.process = Process(f"wire-{self.name}", ["haproxy", "-db", "-f", self.path], self.folder)

    def hold(self):
        if DROPS:
            self._drop("-A")
        else:
            self.process.signal(signal.SIGSTOP)

    def go_on(self):
        if DROPS:
            self._drop("-D")
        else:
            self.process.signal(signal.SIGCONT)

    def _drop(self, rule):
        """Both ways."""
        for port in self.ports:
            for end in ("--dport", "--sport"):
                subprocess.run(["iptables", rule, "INPUT", "-p", "tcp", end, str(port), "-j", "DROP"], check=True)

    def cut(self):
        self.process.kill()

    def close(self):
        self.process.kill()
        for port in self.ports:
            release_port(port)
