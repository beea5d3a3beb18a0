"""What systemd is to the gateway: a socket that it tells things, listening sockets that it gets, and a watchdog."""

import fcntl
import os
import select
import socket
import time

from process import Process, clean_environment, patience
from world import log_of, program

# The shell takes the descriptors to where systemd would have put them, and has the process id that systemd would know.
HAND_OVER = ('next=3; for fd in "$@"; do eval "exec $next<&$fd"; next=$((next + 1)); done; '
             'LISTEN_PID=$$ exec "$ACMEGATE" --config "$CONFIG"')


class ServiceManager:
    """start() is world.start_gateway by this manager. sockets: [(name, listening socket)]; watchdog_us: WATCHDOG_USEC."""

    def __init__(self, world, sockets=(), watchdog_us=None):
        self.world, self.sockets, self.watchdog_us = world, list(sockets), watchdog_us
        self.told = []  # of the gateway that runs, each message a dictionary
        self._at = world.path("notify.sock")
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(self._at)

    def start(self, stderr=None):
        """stderr: a path that the gateway's lines go to instead of to the test; then nobody waits for "ready"."""
        self.told = []
        fds = [fcntl.fcntl(sock, fcntl.F_DUPFD, 50) for _, sock in self.sockets]  # above where they have to end up
        env = clean_environment(NOTIFY_SOCKET=self._at, ACMEGATE=program("acmegate"),
                                CONFIG=self.world.path("acmegate.yaml"))
        if self.sockets:
            env.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(name for name, _ in self.sockets))
        if self.watchdog_us:
            env["WATCHDOG_USEC"] = str(self.watchdog_us)
        script = HAND_OVER + (f" 2>'{stderr}'" if stderr else "")
        self.world.gateway = Process("acmegate", ["bash", "-c", script, "bash", *map(str, fds)], self.world.folder, env,
                                     pass_fds=fds)
        for fd in fds:
            os.close(fd)
        if not stderr:
            self.world.gateway.wait_line(lambda line: log_of(line).get("msg") == "ready")

    def _hears(self, seconds):
        if not select.select([self._ear], [], [], seconds)[0]:
            return False
        text = self._ear.recv(4096).decode()
        self.told.append(dict(line.split("=", 1) for line in text.split("\n")))
        return True

    def drain(self):
        """What has been told by now."""
        while self._hears(0):
            pass

    def wait_told(self, key, value=None, timeout=60):
        """The next message with this key, and value where one is given. What came before it is in .told."""
        deadline = time.monotonic() + patience(timeout)
        while self._hears(max(deadline - time.monotonic(), 0)):
            if key in self.told[-1] and value in (None, self.told[-1][key]):
                return self.told[-1]
        raise AssertionError(f"the gateway has not told {key}={value or '...'}; it told {self.told[-20:]}")

    def is_fed(self, seconds):
        """Whether the watchdog is fed within that time from now."""
        self.drain()
        deadline = time.monotonic() + seconds
        while self._hears(max(deadline - time.monotonic(), 0)):
            if "WATCHDOG" in self.told[-1]:
                return True
        return False

    def close(self):
        self._ear.close()
        for _, sock in self.sockets:
            sock.close()


def listening(port):
    """A socket as systemd would open it: blocking, and with a backlog that outlasts a restart."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(512)
    return sock


def narrow_pipe(path):
    """A pipe that holds little, open for reading: its descriptor. Who writes stops once it is full."""
    os.mkfifo(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
    return fd
