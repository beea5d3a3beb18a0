"""A complete world on loopback: DNS server, Sectigo's stand-in, gateway, and what the tests ask of them."""

import base64
import json
import os
import secrets
import ssl
import urllib.parse
import urllib.request

import yaml

from dns_server import DnsServer
from loopback import release_port, take_port
from pki import ListenerPki
from process import Process, clean_environment, run
from sequence import Times, check_sequence

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("ACMEGATE_BUILD") or os.path.join(HERE, "..", "..", "build")

# How the gateway may learn that a certificate was issued. Where it is told by push, its own first look is an hour
# away, so that a test that passes has really been served by the push.
LEARN = ("push-certificate", "push", "poll")

LOGIN, PASSWORD = "partner", "correct horse"
# Warned of where the tests' own folder is in memory, as on some machines: no business of theirs.
IN_MEMORY = "is in memory (tmpfs)"

PUSH_USER, PUSH_PASSWORD = "sectigo", "battery-staple"


def program(name):
    return os.path.abspath(os.path.join(BUILD, name))


class World:
    """options: learn (one of LEARN, or "both" for push with certificate beside a short poll), issue_delay in seconds,
    change (a function that edits the gateway's configuration before it is written), behind_web_server (Sectigo's
    domain control looks at ports["web"], where the test runs a web server, and not at the public listener itself),
    dns_server (software and TSIG algorithm), gateway_env (what the gateway finds in its environment besides)."""

    def __init__(self, folder, learn="push-certificate", issue_delay=0, change=None, behind_web_server=False,
                 dns_server=("knot", "hmac-sha256"), gateway_env=None):
        self.folder = str(folder)
        self.gateway_env = gateway_env or {}
        self.learn, self.issue_delay, self.change = learn, issue_delay, change
        self.ports = {name: take_port() for name in ("acme", "public", "sandbox", "status", "http01", "alpn", "web")}
        self.looked_at = self.ports["web" if behind_web_server else "public"]
        self.schema = "world_" + secrets.token_hex(8)
        self.dns = self.sandbox = self.gateway = None
        self.problems, self.alarms = [], []
        try:
            self.pki = ListenerPki(self.folder)
            self.dns = DnsServer(self.folder, *dns_server)
            self.start_sandbox()
            self.write_config()
            self.start_gateway()
            self._wait_recalled()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return self.path(name)

    # ---- Sectigo's stand-in ----

    @property
    def sandbox_url(self):
        return f"https://127.0.0.1:{self.ports['sandbox']}"

    @property
    def root(self):
        return self.path("sandbox/root.pem")

    def start_sandbox(self):
        os.makedirs(self.path("sandbox"), exist_ok=True)
        argv = [program("sectigo-sandbox"), "--listen", f"127.0.0.1:{self.ports['sandbox']}",
                "--data", self.path("sandbox"), "--resolver", f"127.0.0.1:{self.dns.port}",
                "--http-port", str(self.looked_at), "--login", LOGIN,
                "--password-file", self._write("sandbox-password", PASSWORD + "\n"),
                "--plain", f"127.0.0.1:{self.ports['status']}", "--issue-delay", str(self.issue_delay)]
        if self.learn != "poll":
            argv += ["--push-url",
                     f"http://{PUSH_USER}:{PUSH_PASSWORD}@127.0.0.1:{self.ports['public']}/push/sectigo"]
        if self.learn in ("push-certificate", "both"):
            argv += ["--push-certificate"]
        self.sandbox = Process("sectigo-sandbox", argv, self.folder)
        self.sandbox.wait_line(lambda line: line.startswith("ready "))

    def _ask_sandbox(self, path, data=None, content_type="application/json"):
        context = ssl.create_default_context(cafile=self.path("sandbox/tls-ca.pem"))
        headers = {"Content-Type": content_type} if data else {}
        request = urllib.request.Request(self.sandbox_url + path, data=data, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=30) as answer:
            return answer.read()

    def ledger(self):
        """Every order that the stand-in sold, as a list of dictionaries."""
        ledger = json.loads(self._ask_sandbox("/sandbox/ledger"))
        return ledger["orders"] if isinstance(ledger, dict) else ledger

    def requests(self):
        """How often each call was made, by its name."""
        return json.loads(self._ask_sandbox("/sandbox/ledger"))["requests"]

    def calls(self):
        """Every call that the stand-in has read since it started, in that order."""
        return json.loads(self._ask_sandbox("/sandbox/calls"))

    def times(self):
        with open(self.path("acmegate.yaml"), encoding="utf-8") as file:
            return Times(yaml.safe_load(file))

    def set_faults(self, *faults):
        self._ask_sandbox("/sandbox/faults", json.dumps(list(faults)).encode())

    def set_settings(self, **values):
        """What no document settles: the stand-in's README lists it."""
        self._ask_sandbox("/sandbox/settings", json.dumps(values).encode())

    def issue_at_once(self):
        """What is ready for it, and what will be."""
        self.set_settings(issueDelayMs=0)
        self._ask_sandbox("/sandbox/issue", b"")

    def order_by_hand(self, name, csr, **more):
        """What somebody else buys with the same account: no foreignOrderNumber."""
        fields = {"loginName": LOGIN, "loginPassword": PASSWORD, "product": 488, "days": 365, "serverSoftware": -1,
                  "csr": base64.b64encode(csr).decode(), "isCustomerValidated": "N", "dcvMethod": "HTTP_CSR_HASH",
                  "appRepEmailAddress": "hand@acme.example", "responseFormat": 1, "domainNames": name, **more}
        answer = self._ask_sandbox("/products/!AutoApplyOrder", urllib.parse.urlencode(fields).encode(),
                                   "application/x-www-form-urlencoded").decode()
        assert answer.startswith("errorCode=0"), answer

    def advance(self, order_number, step="all"):
        """Does what people do at Sectigo."""
        self._ask_sandbox(f"/sandbox/orders/{urllib.parse.quote(order_number)}/advance",
                          json.dumps({"step": step}).encode())

    def bought(self, names):
        """The purchases of exactly these names; replacements are free."""
        return [order for order in self.ledger()
                if order["kind"] == "purchase" and sorted(order["names"]) == sorted(names)]

    # ---- the gateway ----

    @property
    def acme_url(self):
        return f"https://127.0.0.1:{self.ports['acme']}"

    @property
    def directory(self):
        return self.acme_url + "/directory"

    @property
    def public_url(self):
        return f"http://127.0.0.1:{self.ports['public']}"

    def store(self, name="store"):
        """ACMEGATE_STORE=postgresql: a schema of the server that ACMEGATE_POSTGRESQL names (tests/postgresql/run)."""
        if os.environ.get("ACMEGATE_STORE", "lmdb") == "lmdb":
            return {"path": self.path(name), "map_size": "256MiB"}
        return {"engine": "postgresql", "key_file": self.path(f"{name}.key"),
                "postgresql": {"connection": os.environ["ACMEGATE_POSTGRESQL"], "schema": f"{self.schema}_{name}"}}

    def config(self):
        poll = "1s" if self.learn in ("poll", "both") else "1h"
        return {
            "log": "debug",
            "store": self.store(),
            "acme": {"listen": [f"127.0.0.1:{self.ports['acme']}"], "url": self.acme_url, "threads": 2,
                     "external_account": "optional", "limits": {"address": 0, "account": 0, "external_key": 0},
                     "tls": {"certificate": self.pki.certificate, "key": self.pki.key}},
            "public": {"listen": [f"127.0.0.1:{self.ports['public']}"],
                       "push": {"user": PUSH_USER, "password_file": self._write("push-password", PUSH_PASSWORD + "\n"),
                                "allow": ["127.0.0.1"]}},
            "admin": {"socket": self.path("admin.sock")},
            "validation": {"resolvers": [f"127.0.0.1@{self.dns.port}"], "http_port": self.ports["http01"], "allow": ["127.0.0.0/8"],
                           "tls_port": self.ports["alpn"], "timeout": "10s"},
            # the outside world of these tests is this machine
            "dcv": {"http_port": self.looked_at, "preflight": "enforce", "preflight_retry": "1s",
                    "global": ["127.0.0.0/8", "::1"]},
            "issuance": {"settle_again": "1s", "resend": "3s", "settle_give_up": "1h", "later": "1s"},
            "logins": [{"name": "main", "url": self.sandbox_url, "login": LOGIN,
                        "password_file": self._write("login-password", PASSWORD + "\n"),
                        "ca_file": self.path("sandbox/tls-ca.pem"), "trust_anchors": self.root,
                        "calls_per_minute": 0}],
            "profiles": [{"name": "dv", "login": "main", "days": 365,
                          "products": {"single": 488, "wildcard": 489, "multi": 492},
                          "contact_email": "pki@acme.example", "first_poll": poll, "poll_interval": poll}],
            "default_profile": "dv",
        }

    def write_config(self):
        config = self.config()
        if self.change:
            self.change(config)
        return self._write("acmegate.yaml", yaml.safe_dump(config, sort_keys=False))

    def start_gateway(self, stop_at=None, wait=True):
        """stop_at: the state after whose commit the gateway kills itself (ACMEGATE_DEBUG_STOP_AT)."""
        env = clean_environment(**self.gateway_env, **({"ACMEGATE_DEBUG_STOP_AT": stop_at} if stop_at else {}))
        self.gateway = Process("acmegate", [program("acmegate"), "--config", self.path("acmegate.yaml")],
                               self.folder, env)
        if wait:
            self.gateway.wait_line(lambda line: log_of(line).get("msg") == "ready")

    def _wait_recalled(self):
        """Until the stand-in has been asked what it knows of us, before which nothing is bought: what a test breaks after
        the start must not hit that."""
        with open(self.path("acmegate.yaml"), encoding="utf-8") as file:
            logins = {login["name"] for login in yaml.safe_load(file)["logins"]
                      if login.get("url") == self.sandbox_url and login.get("login") == LOGIN
                      and login.get("report_foreign_order_number", True)}
        for name in logins:
            self.wait_log(lambda line: line.get("login") == name and line.get("msg", "").startswith("the store knows"))

    def run_gateway(self, *arguments):
        """Runs the gateway to its end, for what stops at the start."""
        return run([program("acmegate"), *arguments], self.folder)

    def stop_gateway(self):
        """SIGTERM; a gateway that does not end well is a problem of the test."""
        gateway, self.gateway = self.gateway, None
        if gateway is None:
            return
        status = gateway.stop()
        self.note_alarms(gateway)
        if status != 0:
            self.problems.append(f"acmegate ended with status {status} after SIGTERM:\n{gateway.tail(60)}")
        self.note_sanitizer(gateway)

    def kill_gateway(self):
        self.gateway.kill()
        self.note_alarms(self.gateway)
        self.note_sanitizer(self.gateway)
        self.gateway = None

    def wait_gateway_killed(self):
        """Until the gateway has killed itself where stop_at told it to."""
        status = self.gateway.wait_end()
        assert status == -9, f"acmegate ended with status {status} instead of killing itself:\n{self.gateway.tail()}"
        self.note_sanitizer(self.gateway)
        self.gateway = None

    def restart_gateway(self):
        self.stop_gateway()
        self.start_gateway()

    def log(self):
        """The gateway's log lines since its last start, decoded."""
        return [log_of(line) for line in list(self.gateway.lines)]

    def wait_log(self, wanted, timeout=60):
        """The first log line (a dictionary) of this run of the gateway for which wanted(line) is true."""
        return log_of(self.gateway.wait_line(lambda line: wanted(log_of(line)), timeout))

    # ---- the end ----

    def note_alarms(self, gateway):
        """What wanted somebody to act: the lines of level warning and error. Filled as gateways end."""
        self.alarms += [line for line in map(log_of, gateway.lines) if line.get("level") in ("warning", "error")
                        and IN_MEMORY not in line.get("reason", "")]

    def note_sanitizer(self, process):
        report = process.sanitizer_report()
        if report:
            self.problems.append(f"{process.name} under a sanitizer:\n{report}")

    def note_sequence(self):
        """Whatever a test is about: what was sent was sent in the order that the contract asks for."""
        try:
            check_sequence(self.calls(), self.times())
        except AssertionError as wrong:
            self.problems.append(f"the sequence of calls: {wrong}")

    def close(self):
        """Stops everything by pid, and raises what went wrong on the way."""
        self.stop_gateway()
        if self.sandbox and self.sandbox.is_running():
            self.note_sequence()
        if self.sandbox:
            status = self.sandbox.stop()
            self.note_sanitizer(self.sandbox)
            if status != 0:
                self.problems.append(f"sectigo-sandbox ended with status {status}:\n{self.sandbox.tail(60)}")
        if self.dns:
            self.dns.stop()
        for port in self.ports.values():
            release_port(port)
        if self.problems:
            raise AssertionError("\n".join(self.problems))


def folder_of(config):
    """Of the world whose configuration that is, whichever engine keeps its store."""
    return os.path.dirname(config["admin"]["socket"])


def log_of(line):
    """A log line as a dictionary; {} where it is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
