"""A PostgreSQL of one's own: in a temporary folder, on a Unix socket there, as a user without rights."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading

SOCKET = ".s.PGSQL.5432"  # its name in the server's folder
START_TIMEOUT_S, STOP_TIMEOUT_S = 60, 20
READY = b"database system is ready to accept"
# jit_provider: no such thing, so that a statement fails for which the server would make a program of its own.
SETTINGS = ("listen_addresses=", "max_connections=120", "shared_buffers=32MB", "log_min_messages=warning",
            "log_lock_waits=off", "autovacuum_naptime=5s", "log_checkpoints=off", "jit_provider=plpgsql")


def programs():
    """The folder of the newest server that is installed."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        raise FileNotFoundError("no PostgreSQL server: install Debian's postgresql")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))


def unprivileged():
    """How a child is started as somebody else than root, whom the server refuses; nothing to do for anybody else."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _title(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
    return b""


def _signal(pid, number):
    """A child may end by itself at any time."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Server:
    """sync: a commit is flushed to the disk, as it is where something of value is kept."""

    def __init__(self, sync=False, settings=()):
        self.sync, self.settings, self.process, self.log = sync, settings, None, []
        self.folder = tempfile.mkdtemp(prefix="acmegate-postgresql-")
        self.data = os.path.join(self.folder, "data")
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)
            os.chmod(self.folder, 0o711)  # its socket is for a gateway without root's rights
        self._make()
        self.start()

    def _run(self, name, *arguments):
        subprocess.run([os.path.join(programs(), name), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/",
                       **unprivileged())

    def _make(self):
        self._run("initdb", "-D", self.data, "-U", "acmegate", "-A", "trust", "-N", "-E", "UTF8", "--locale=C",
                  "--no-instructions")

    def ask(self, command, port=5432):
        """SQL, as the owner of everything."""
        self._run("psql", "-q", "-h", self.folder, "-p", str(port), "-U", "acmegate", "-c", command, "postgres")

    @property
    def connection(self):
        return f"host={self.folder} user=acmegate dbname=postgres"

    def start(self):
        settings = [word for setting in (*SETTINGS, *self.settings, f"fsync={'on' if self.sync else 'off'}")
                    for word in ("-c", setting)]
        self.process = subprocess.Popen([os.path.join(programs(), "postgres"), "-D", self.data, "-k", self.folder,
                                         *settings], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/",
                                        start_new_session=True, **unprivileged())
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self.process.stderr, ready), daemon=True).start()
        if not ready.wait(START_TIMEOUT_S) or self.process.poll() is not None:
            raise RuntimeError("PostgreSQL does not start:\n" + "\n".join(self.log[-20:]))

    def _read(self, pipe, ready):
        for line in pipe:
            self.log.append(line.decode(errors="replace").rstrip())
            if READY in line:
                ready.set()
        ready.set()

    def connections(self):
        """How many, whether anybody is still at their other end or not."""
        return sum(b"[local]" in _title(pid) for pid in self._children())

    def _children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def freeze(self):
        """Nothing of it answers any more, and no connection ends, as where its machine hangs."""
        self.process.send_signal(signal.SIGSTOP)
        for pid in self._children():
            _signal(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in [*self._children(), self.process.pid]:
            _signal(pid, signal.SIGCONT)

    def hold_back(self):
        """Its standby hears nothing of it any more."""
        senders = [pid for pid in self._children() if b"walsender" in _title(pid)]
        assert senders, "nobody listens"
        for pid in senders:
            _signal(pid, signal.SIGSTOP)

    def kill(self):
        """The server and all that it started, at once, as a machine that loses its power. Stopped first, it starts no
        more; each of its children leads a session of its own."""
        self.process.send_signal(signal.SIGSTOP)
        for pid in [*self._children(), self.process.pid]:
            _signal(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Standby(Server):
    """A synchronous standby: what the primary has acknowledged is there, too."""

    def __init__(self, primary):
        self.primary = primary
        super().__init__()
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")

    def _make(self):
        self._run("pg_basebackup", "-D", self.data, "-h", self.primary.folder, "-U", "acmegate", "-R", "-X", "stream",
                  "--checkpoint=fast")

    @property
    def both(self):
        """Whichever of the two takes writes."""
        return f"host={self.primary.folder},{self.folder} user=acmegate dbname=postgres"

    def promote(self):
        """It takes writes once this returns, and waits for no standby."""
        self.ask("SELECT pg_promote()")


@contextlib.contextmanager
def running(**settings):
    server = Server(**settings)
    try:
        yield server
    finally:
        server.close()
