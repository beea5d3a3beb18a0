"""Where notifications end in the tests: a web server that takes webhooks, and a mail server (aiosmtpd)."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from loopback import release_port, take_port
from sandbox_client import wait_for


def _context(pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate, pki.key)
    return context


class WebhookSink:
    """Takes every POST. status: what it answers from now on; hold(): it reads, and answers nobody until release()."""

    def __init__(self, pki=None):
        self.posts, self.status, self.location = [], 200, None
        self._free = threading.Event()
        self._free.set()
        self.port = take_port()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.posts.append((self.path, dict(self.headers), body))
                sink._free.wait(60)
                self.send_response(sink.status)
                if sink.location:
                    self.send_header("Location", sink.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A gateway that was killed has gone without a word."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        if pki:
            self._server.socket = _context(pki).wrap_socket(self._server.socket, server_side=True,
                                                            do_handshake_on_connect=False)
        self.url = f"http{'s' if pki else ''}://{'localhost' if pki else '127.0.0.1'}:{self.port}/told"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def hold(self):
        self._free.clear()

    def release(self):
        self._free.set()

    def messages(self):
        return [json.loads(body) for _, _, body in list(self.posts)]

    def events(self):
        """Of all messages that it has taken, also of those that it answered with an error."""
        return [event for message in self.messages() for event in message.get("events", [])]

    def wait_event(self, kind, about=""):
        """The first event of this kind that says so."""
        def look():
            return [event for event in self.events() if event["event"] == kind and about in event["text"]]
        return wait_for(f"{kind} {about}", look)[0]

    def close(self):
        self._free.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        release_port(self.port)


def signed(post, key):
    """Whether the request bears the signature of its body and time."""
    _, headers, body = post
    wanted = hmac.new(key.encode(), headers["X-Acmegate-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers["X-Acmegate-Signature"], "sha256=" + wanted)


def content_of(mail):
    """Its text; lines were folded on the way."""
    return mail.get_body().get_content()


class MailSink:
    """mode: starttls, tls or none. user and password: who may send; refused: recipients that it does not take."""

    def __init__(self, pki, mode="starttls", user=None, password=None):
        self.mails, self.refused, self.mode, self.user, self.password = [], set(), mode, user, password
        self.port = take_port()
        options = {"hostname": "127.0.0.1", "port": self.port}
        if mode == "starttls":
            options |= {"tls_context": _context(pki), "require_starttls": True}
        if mode == "tls":
            options |= {"ssl_context": _context(pki), "auth_require_tls": False}
        if user:
            options |= {"authenticator": self._authenticate, "auth_required": True}
        self._controller = Controller(self, **options)
        self._controller.start()

    def _authenticate(self, _server, _session, _envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=good, handled=good or mechanism not in ("LOGIN", "PLAIN"))

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return "550 nobody is called so"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), mail, session.ssl is not None))
        return "250 taken"

    def wait_mail(self, about, to=None):
        """The first mail that says so, to that address."""
        def look():
            return [one for one in list(self.mails) if about in content_of(one[2]) and (to is None or to in one[1])]
        return wait_for(f"a mail about {about}", look)[0]

    def close(self):
        self._controller.stop()
        release_port(self.port)
