"""A program that runs beside the test: its lines are kept, and waited for instead of slept for."""

import contextlib
import ctypes
import os
import re
import signal
import ssl
import subprocess
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PR_SET_PDEATHSIG = 1
# What a sanitizer prints when it has found something.
SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: ")

STOP_TIMEOUT_S = 30

_libc = ctypes.CDLL(None, use_errno=True)
_running = []


def clean_environment(**more):
    """This process's environment without proxies (everything is on loopback), with more added."""
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    # What h2o itself keeps at its end; nothing of ours is listed there.
    env["LSAN_OPTIONS"] = f"suppressions={TESTS}/lsan.supp:print_suppressions=0"
    if ssl.OPENSSL_VERSION_INFO >= (3, 4):
        env["TSAN_OPTIONS"] = f"suppressions={TESTS}/tsan.supp:print_suppressions=0"
    env.update(more)
    return env


def patience(seconds):
    """How long a test waits for an event; shorter where a rule is broken so that it may not come (tests/mutation)."""
    return min(seconds, float(os.environ.get("ACMEGATE_WAIT_S", seconds)))


def running():
    return list(_running)


def _state(pid, thread):
    """By its letter (proc(5)); "X" of one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
            open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]
    return "X"


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    def __init__(self, name, argv, cwd, env=None, pass_fds=()):
        self.name, self.argv, self.lines = name, argv, []
        self._changed = threading.Condition()
        self._ended = False
        self._child = subprocess.Popen(argv, cwd=cwd, env=env or clean_environment(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
                                       errors="replace", preexec_fn=_die_with_parent, pass_fds=pass_fds)
        self._reader = threading.Thread(target=self._read, args=(os.path.join(cwd, name + ".log"),), daemon=True)
        self._reader.start()
        _running.append(self)

    def _read(self, log_path):
        with open(log_path, "a", encoding="utf-8") as log:
            for line in self._child.stdout:
                log.write(line)
                log.flush()
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self):
        return self._child.pid

    def is_running(self):
        return self._child.poll() is None

    def wait_line(self, wanted, timeout=60):
        """The first line for which wanted(line) is true. Raises when the program ends or the time is over."""
        timeout, seen = patience(timeout), 0
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                while seen < len(self.lines):
                    if wanted(self.lines[seen]):
                        return self.lines[seen]
                    seen += 1
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    what = "ended" if self._ended else f"ran {timeout} s"
                    raise AssertionError(f"{self.name} {what} without the expected line; it wrote:\n{self.tail()}")
                self._changed.wait(left)

    def wait_end(self, timeout=60):
        """The exit status (negative: the signal) of a program that ends by itself."""
        timeout = patience(timeout)
        try:
            status = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout} s; it wrote:\n{self.tail()}") from None
        self._reader.join(10)
        if self in _running:
            _running.remove(self)
        return status

    def signal(self, number):
        """SIGSTOP returns once it has stopped: the one thread that takes the signal tells the others, and on a busy machine
        these go on until it has had its turn."""
        if self._child.poll() is None:
            self._child.send_signal(number)
            if number == signal.SIGSTOP:
                self._await_frozen()

    def _await_frozen(self):
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self.is_frozen():
            assert time.monotonic() < deadline, f"{self.name} has stopped: not within {STOP_TIMEOUT_S} s"
            time.sleep(0.001)

    def is_frozen(self):
        """It, or somebody else, has stopped it by a signal, with all its threads."""
        return all(_state(self.pid, thread) in "TZX" for thread in os.listdir(f"/proc/{self.pid}/task"))

    def kill(self):
        """kill -9, by pid."""
        self.signal(signal.SIGKILL)
        return self.wait_end()

    def stop(self, timeout=60):
        """SIGTERM, and what the program made of it: its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait_end(timeout)
        except AssertionError:
            self.kill()
            raise

    def tail(self, count=400):
        return "\n".join(self.lines[-count:])

    def sanitizer_report(self):
        """"" where no sanitizer complained, else what it wrote."""
        for i, line in enumerate(self.lines):
            if SANITIZER.search(line):
                return "\n".join(self.lines[i:i + 80])
        return ""


def run(argv, cwd, timeout=120, env=None):
    """Runs a command to its end. Its output is in .output."""
    done = subprocess.run(argv, cwd=cwd, env=env or clean_environment(), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, errors="replace")
    done.output = done.stdout
    return done
