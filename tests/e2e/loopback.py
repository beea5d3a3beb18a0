"""Free ports on loopback, each held by a file lock so that worlds that run at once never share one."""

import fcntl
import os
import random
import socket
import tempfile

# Below the range from which the kernel takes ports for outgoing connections.
FIRST, LAST = 20000, 32000

_held = {}


def _folder():
    folder = os.path.join(tempfile.gettempdir(), f"acmegate-ports.{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    return folder


def _nobody_listens(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def take_port():
    """A port free for TCP and UDP, ours until release_port or the end of this process."""
    for port in random.sample(range(FIRST, LAST), 500):
        lock = open(os.path.join(_folder(), str(port)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if _nobody_listens(port):
            _held[port] = lock
            return port
        lock.close()
    raise RuntimeError(f"no free port between {FIRST} and {LAST} on 127.0.0.1")


def release_port(port):
    _held.pop(port).close()
