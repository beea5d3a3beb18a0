"""A proxy before a PostgreSQL that counts round trips: what a client has sent before the server speaks is one, however many
statements that were."""

import collections
import contextlib
import os
import re
import select
import shutil
import socket
import struct
import tempfile
import threading

from server import SOCKET

CHUNK = 1 << 16
TABLE = re.compile(r'"[^"]+"\."([^"]+)"')


def in_short(text):
    """A statement by its verbs, and the table of each: "BEGIN; UPDATE @writers"."""
    parts = []
    for statement in filter(None, (part.strip() for part in text.split(";"))):
        table = TABLE.search(statement)
        parts.append(statement.split()[0] + (" " + table[1] if table else ""))
    return "; ".join(parts)


class _Conversation:
    """What one connection says, by the messages of the protocol."""

    def __init__(self):
        self.left, self.texts, self.said, self.begun = b"", {}, [], False

    def hear_client(self, data):
        self.left += data
        while len(self.left) >= 5:
            head = 1 if self.begun else 0  # the first message has no letter
            length = head + struct.unpack_from("!I", self.left, head)[0]
            if len(self.left) < length:
                return
            message, self.left = self.left[:length], self.left[length:]
            self._note(message[:1].decode("latin-1") if self.begun else "connecting", message[5:])
            self.begun = True

    def _note(self, kind, body):
        if kind == "Q":
            self.said.append(in_short(body.rstrip(b"\0").decode()))
        elif kind == "P":
            name, text = body.split(b"\0")[:2]
            self.texts[name] = in_short(text.decode())
        elif kind == "B":
            self.said.append(self.texts.get(body.split(b"\0")[1], "?"))
        elif kind == "connecting":
            self.said.append(kind)

    def hear_server(self):
        """What the client had said since the server spoke last; "": nothing."""
        said, self.said = "; ".join(self.said), []
        return said


class Counting:
    """folder: where its socket is, in place of the server's."""

    def __init__(self, server):
        self.folder = tempfile.mkdtemp(prefix="acmegate-counting-")
        self.server, self.lock, self.counter = os.path.join(server.folder, SOCKET), threading.Lock(), collections.Counter()
        os.chmod(self.folder, 0o711)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, SOCKET))
        os.chmod(os.path.join(self.folder, SOCKET), 0o777)
        self.listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connection(self):
        return f"host={self.folder} user=acmegate dbname=postgres"

    def counts(self):
        """{statements in short: round trips}, since it began."""
        with self.lock:
            return collections.Counter(self.counter)

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """Until one of both ends."""
        with contextlib.suppress(ConnectionError):
            self._pass(client)

    def _pass(self, client):
        server, talk = socket.socket(socket.AF_UNIX), _Conversation()
        with client, server:
            server.connect(self.server)
            while True:
                for one in select.select([client, server], [], [])[0]:
                    data = one.recv(CHUNK)
                    if not data:
                        return
                    if one is client:
                        talk.hear_client(data)
                        server.sendall(data)
                    else:
                        self._count(talk.hear_server())
                        client.sendall(data)

    def _count(self, said):
        with self.lock:
            if said:
                self.counter[said] += 1

    def close(self):
        self.listener.close()
        shutil.rmtree(self.folder)
