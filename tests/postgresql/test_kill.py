"""The server is killed in the midst of changes, again and again: what was acknowledged is there, and was done once."""

import os
import subprocess
import threading

from server import Server

KILLS, CHANGES_BETWEEN, PATIENCE_S = 5, 150, 60
HAMMER = os.path.join(os.environ["ACMEGATE_BUILD"], "unit", "postgresql-hammer")


class Hammer:
    def __init__(self, connection):
        self.kept, self.failed, self.found, self.count = [], [], [], None
        self.changed = threading.Condition()
        self.child = subprocess.Popen([HAMMER, connection], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            word, value = line.split()
            with self.changed:
                if word == "count":
                    self.count = int(value)
                else:
                    getattr(self, word).append(value)
                self.changed.notify_all()

    def wait_kept(self, more):
        with self.changed:
            goal = len(self.kept) + more
            assert self.changed.wait_for(lambda: len(self.kept) >= goal or self.child.poll() is not None, PATIENCE_S)
            assert self.child.poll() is None

    def end(self):
        self.child.stdin.close()
        assert self.child.wait(PATIENCE_S) == 0
        self.reader.join(PATIENCE_S)


def test_kill_of_the_server():
    server = Server(sync=True)
    hammer = None
    try:
        hammer = Hammer(server.connection)
        for _ in range(KILLS):
            hammer.wait_kept(CHANGES_BETWEEN)
            server.kill()
            server.start()
        hammer.wait_kept(CHANGES_BETWEEN)
        hammer.end()
        assert not set(hammer.kept) - set(hammer.found), "acknowledged, and lost"
        assert hammer.count == len(hammer.found), "counted twice"
        assert not hammer.failed, "the server came back in time"
    finally:
        if hammer and hammer.child.poll() is None:
            hammer.child.kill()
            hammer.child.wait()
        server.close()
