"""What the sandbox's own tests need: the program itself, a tiny DNS server, a web server for domain control files,
a receiver of notifications, and a client of the partner API that is no part of the product (so that both sides of it
are not wrong in the same way)."""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

BUILD = pathlib.Path(os.environ.get("ACMEGATE_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
WAIT_S = 20


def wait_for(what, condition, seconds=WAIT_S):
    """Polls for something that has no event to wait for; its result once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


class Dns:
    """Authoritative for everything, over UDP: records by (name, type); every other name exists and is empty unless
    it is in missing."""

    def __init__(self):
        self.records, self.failing, self.asked = {}, set(), []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def add(self, name, kind, *values):
        self.records[(name.lower().rstrip("."), kind)] = list(values)

    def remove(self, name, kind):
        self.records.pop((name.lower().rstrip("."), kind), None)

    def _answer(self, wire):
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name, kind = question.name.to_text().lower().rstrip("."), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        values = self.records.get((name, kind))
        cname = self.records.get((name, "CNAME"))
        if values:
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *values))
        elif cname:
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", "CNAME", *cname))
        return reply

    def _serve(self):
        while True:
            try:
                wire, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self._answer(wire).to_wire(), peer)
            except OSError:
                return
            except Exception:  # what is no DNS message gets no answer
                continue

    def close(self):
        self.socket.close()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


class Web:
    """Serves files by path, whatever the Host; a value may be text or (status, headers, text)."""

    def __init__(self):
        outer = self
        self.files, self.requests = {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.headers.get("Host"), self.path, self.headers.get("User-Agent")))
                found = outer.files.get(self.path)
                status, headers, text = (404, {}, "no such file") if found is None else (
                    found if isinstance(found, tuple) else (200, {}, found))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def publish(self, csr, unique=None):
        """The file of HTTP_CSR_HASH."""
        body = f"{csr.sha256}\nsectigo.com" + (f"\n{unique}" if unique else "")
        self.files[f"/.well-known/pki-validation/{csr.md5.upper()}.txt"] = body

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Receiver:
    """Takes notifications: (method, fields, authorization header). statuses: what to answer, the last one for ever."""

    def __init__(self):
        outer = self
        self.pushes, self.statuses = queue.Queue(), [200]

        class Handler(http.server.BaseHTTPRequestHandler):
            def _take(self, text):
                fields = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
                outer.pushes.put((self.command, fields, self.headers.get("Authorization")))
                status = outer.statuses.pop(0) if len(outer.statuses) > 1 else outer.statuses[0]
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):
                self._take(urllib.parse.urlsplit(self.path).query)

            def do_POST(self):
                self._take(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def next(self, seconds=WAIT_S):
        return self.pushes.get(timeout=seconds)

    def none(self, seconds=0.5):
        try:
            return self.pushes.get(timeout=seconds) is None
        except queue.Empty:
            return True

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Csr:
    """A request with a fresh key; names go to the subjectAltName, cn to the subject."""

    def __init__(self, *names, cn=None, key=None, subject=(), digest=hashes.SHA256()):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else []
        attributes += [x509.NameAttribute(oid, value) for oid, value in subject]
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        self.request = builder.sign(self.key, digest)
        self.der = self.request.public_bytes(serialization.Encoding.DER)
        self.pem = self.request.public_bytes(serialization.Encoding.PEM).decode()
        self.md5 = hashlib.md5(self.der).hexdigest()
        self.sha256 = hashlib.sha256(self.der).hexdigest()

    def cname(self, adn, unique=None):
        """Owner and target of the CNAME_CSR_HASH record."""
        target = f"{self.sha256[:32]}.{self.sha256[32:]}." + (f"{unique}." if unique else "") + "sectigo.com."
        return f"_{self.md5}.{adn}", target


def rsa_key(bits):
    return rsa.generate_private_key(65537, bits)


class Reply:
    """An answer: its HTTP side, and its fields where it has some (in order, keys may repeat)."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        self.type = headers.get("Content-Type", "")
        self.fields = []
        if self.type.startswith("application/x-www-form-urlencoded"):
            for pair in text.split("&"):
                name, _, value = pair.partition("=")
                keep = name in ("certificate", "caCertificate", "zipFile", "pkcs7", "netscapeCertificateSequence")
                self.fields.append((name, urllib.parse.unquote(value) if keep else urllib.parse.unquote_plus(value)))
        self.lines = text.split("\n")

    def __getitem__(self, name):
        return next(value for key, value in self.fields if key == name)

    def get(self, name, default=None):
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    @property
    def code(self):
        return int(self.get("errorCode", self.lines[0]))


def pem(base64_text):
    return f"-----BEGIN CERTIFICATE-----\n{base64_text}\n-----END CERTIFICATE-----\n"


class Sandbox:
    """The program under test. Everything is on loopback and on ports of its own; stop() ends it."""

    def __init__(self, *arguments, data=None, dns=None, web=None, receiver=None, credentials="", path="/push"):
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="sandbox-"))
        self.arguments = [str(BUILD / "sectigo-sandbox"), "--listen", "127.0.0.1:0", "--data", str(self.data)]
        if dns:
            self.arguments += ["--resolver", f"127.0.0.1:{dns.port}"]
        if web:
            self.arguments += ["--http-port", str(web.port)]
        if receiver:
            self.arguments += ["--push-url", f"http://{credentials}127.0.0.1:{receiver.port}{path}"]
        self.arguments += [str(argument) for argument in arguments]
        self.login, self.password = "sandbox", "sandbox"
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        assert line.startswith("ready https://"), f"sectigo-sandbox said {line!r}"
        self.url = line.removeprefix("ready ")
        self.tls = ssl.create_default_context(cafile=self.data / "tls-ca.pem")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        return status

    def restart(self, how=signal.SIGKILL):
        self.stop(how)
        self.start()

    def request(self, method, path, body=None, content_type="application/x-www-form-urlencoded", timeout=60):
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=timeout) as reply:
                return Reply(reply.status, reply.headers, reply.read().decode())
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.headers, error.read().decode())

    def post(self, path, fields, timeout=60):
        pairs = fields if isinstance(fields, list) else list(fields.items())
        return self.request("POST", path, urllib.parse.urlencode(pairs).encode(), timeout=timeout)

    def call(self, endpoint, timeout=60, **fields):
        """One of Sectigo's endpoints, with the login unless fields say otherwise (None leaves one out)."""
        everything = {"loginName": self.login, "loginPassword": self.password, **fields}
        path = "/products/download/CollectSSL" if endpoint == "CollectSSL" else f"/products/!{endpoint}"
        return self.post(path, {k: v for k, v in everything.items() if v is not None}, timeout)

    def apply(self, request, product=287, timeout=60, **fields):
        order = {
            "product": product, "days": 365, "csr": request.pem, "serverSoftware": -1, "isCustomerValidated": "N",
            "dcvMethod": "HTTP_CSR_HASH", "responseFormat": 1, "showCertificateID": "Y", "omitAdditionalFQDN": "Y",
            "appRepEmailAddress": "admin@example.org",
        }
        return self.call("AutoApplyOrder", timeout, **{**order, **fields})

    def collect(self, number=None, **fields):
        return self.call("CollectSSL", **{"orderNumber": number, "queryType": 1, "responseType": 3,
                                          "responseFormat": 1, "showValidityPeriod": "Y", **fields})

    def json(self, method, path, value=None):
        body = None if value is None else json.dumps(value).encode()
        reply = self.request(method, "/sandbox/" + path, body, "application/json")
        return reply.status, json.loads(reply.text)

    def ledger(self):
        return self.json("GET", "ledger")[1]

    def order(self, number):
        return self.json("GET", "orders/" + urllib.parse.quote(number))[1]

    def fault(self, action, endpoint="AutoApplyOrder", **more):
        status, answer = self.json("POST", "faults", [{"endpoint": endpoint, "action": action, **more}])
        assert status == 200, answer

    def settings(self, **values):
        status, answer = self.json("POST", "settings", values)
        assert status == 200, answer

    def advance(self, number, **request):
        return self.json("POST", f"orders/{urllib.parse.quote(number)}/advance", request)

    def wait_state(self, number, state, seconds=WAIT_S):
        def look():
            order = self.order(number)
            return order if order["state"] == state else None
        return wait_for(f"order {number} {state}", look, seconds)


class Net:
    """Names, a web server for their files, a receiver of notifications, and sandboxes on all of them."""

    def __init__(self):
        self.dns, self.web, self.receiver, self.sandboxes = Dns(), Web(), Receiver(), []

    def host(self, *names):
        """Names that the web server answers for."""
        for name in names:
            self.dns.add(name, "A", "127.0.0.1")

    def sandbox(self, *arguments, push=False, **more):
        one = Sandbox(*arguments, dns=self.dns, web=self.web, receiver=self.receiver if push else None, **more)
        self.sandboxes.append(one)
        return one

    def close(self):
        statuses = [one.stop() for one in self.sandboxes if one.process.poll() is None]
        for one in self.sandboxes:
            shutil.rmtree(one.data, ignore_errors=True)
        self.dns.close()
        self.web.close()
        self.receiver.close()
        assert not any(statuses), f"a sandbox ended with {statuses}"


@pytest.fixture
def net():
    one = Net()
    yield one
    one.close()


@pytest.fixture(scope="module")
def shared():
    """A sandbox that the tests of a file share, beside its net."""
    one = Net()
    one.box = one.sandbox()
    yield one
    one.close()


def issue(net, box, *names, **fields):
    """An order that is issued: its CSR, the answer to it, and the ledger's view."""
    names = names or ("www.example.org",)
    csr = Csr(*names)
    net.host(*names)
    net.web.publish(csr, fields.get("uniqueValue"))
    reply = box.apply(csr, **fields)
    return csr, reply, box.wait_state(reply["orderNumber"], "issued")


def replace(net, box, number, *names, **fields):
    """AutoReplaceSSL with a new CSR: the CSR and the answer."""
    names = names or ("www.example.org",)
    csr = Csr(*names)
    net.host(*names)
    net.web.publish(csr)
    reply = box.call("AutoReplaceSSL", **{"orderNumber": number, "csr": csr.pem, "dcvMethod": "HTTP_CSR_HASH",
                                          "omitAdditionalFQDN": "Y", "responseFormat": 1, **fields})
    return csr, reply


def leaf_of(reply):
    """The certificate that CollectSSL handed out."""
    return x509.load_pem_x509_certificate(pem(reply["certificate"]).encode())
