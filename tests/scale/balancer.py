"""A balancer: hands each connection to the gateway that says by /readyz that it is ready, and to nobody else."""

import contextlib
import http.client
import socket
import threading

LOOK_S = 1


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
    """targets: for each gateway its metrics port, and the port that connections are for."""

    def __init__(self, port, targets):
        self.targets = targets
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        ready = [port for metrics, port in self.targets if is_ready(metrics)]
        with client, contextlib.suppress(OSError, IndexError):
            with socket.create_connection(("127.0.0.1", ready[0]), timeout=LOOK_S) as server:
                server.settimeout(None)
                back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server)
                back.join()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
