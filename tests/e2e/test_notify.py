"""Being told: every event once, by webhook, mail and program; digests, retries, and what a kill does to them."""

import json
import os

import pytest
import requests

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from sinks import MailSink, WebhookSink, content_of, signed
from test_ctl import FAILED, NOT_FOUND, ctl, ctl_json
from test_money import _buy, bound_client
from test_endings import _advance
from world import World, folder_of

KEY, MAIL_PASSWORD = "a key for signing", "mail-password"
PROGRAM = """#!/bin/sh
cat > "$(mktemp {folder}/told.XXXXXX)"
"""


def _write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _notify(config, *targets, **more):
    config["notify"] = {"look_every": "100ms", "collect": "100ms", "retry": "200ms", "stuck_after": "0s",
                        "targets": list(targets), **more}


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _finalize(world, client, names):
    """An order that has its CSR; its URL."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order(names, responder)
        assert client.finalize(order, make_csr(names)).status_code == 200
    return url


class Told:
    """A world in which everything happens that is told, and who is told: a signed webhook over TLS, a mail server with
    STARTTLS and a password, a program, and three chat programs."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.hook = self.mail = None
        self.chats = {form: WebhookSink() for form in ("slack", "teams", "mattermost")}
        self.world = None
        self.world = World(folder, change=self.change)
        self.client = _client(self.world)

    def change(self, config):
        folder, pki = self.folder, self.pki(config)
        self.hook = self.hook or WebhookSink(pki)
        self.mail = self.mail or MailSink(pki, user="acmegate", password=MAIL_PASSWORD)
        config["logins"][0]["low_credit"] = "10.00"
        config["issuance"]["check_interval"] = "500ms"
        config["acme"]["hold_finalize"] = "0s"
        config["profiles"][0]["prices"] = {"single": 35, "wildcard": 120, "multi": 80}
        program = _write(folder, "program", PROGRAM.format(folder=folder), 0o700)
        chats = [{"name": form, "webhook": {"url_file": _write(folder, form, sink.url + "\n"), "format": form}}
                 for form, sink in self.chats.items()]
        _notify(config,
                {"name": "hook", "webhook": {"url": self.hook.url, "ca_file": pki.ca,
                                             "signing_key_file": _write(folder, "signing-key", KEY + "\n")}},
                {"name": "mail", "mail": {"server": f"localhost:{self.mail.port}", "ca_file": pki.ca, "user": "acmegate",
                                          "password_file": _write(folder, "mail-password", MAIL_PASSWORD + "\n"),
                                          "from": "acmegate@acme.example",
                                          "to": ["pki@acme.example", "gone@acme.example"]}},
                {"name": "program", "program": program}, *chats, purchase_over="50", limit_percent=50, expiring="365d")

    @staticmethod
    def pki(config):
        class Pki:
            certificate, key = config["acme"]["tls"]["certificate"], config["acme"]["tls"]["key"]
            ca = os.path.join(folder_of(config), "listener-ca.pem")
        return Pki

    def programs(self):
        texts = []
        for name in os.listdir(self.folder):
            if name.startswith("told."):
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    texts.append(file.read())
        return [json.loads(text) for text in texts if text]

    def close(self):
        if self.world:
            self.world.close()
        for sink in (self.hook, self.mail, *self.chats.values()):
            if sink:
                sink.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    told = Told(tmp_path_factory.mktemp("world"))
    told.mail.refused.add("gone@acme.example")
    yield told
    told.close()


# ---- every event, in an order in which none hides another ----

def test_the_listeners_certificate(told):
    """That of these worlds lives for a week."""
    event = told.hook.wait_event("tls", "acme listener")
    assert told.world.pki.certificate in event["text"]
    assert not [event for event in told.hook.events() if event["event"] == "push"]


def test_the_first_push_and_a_dear_purchase(told):
    names = ["dear." + ZONE, "dearer." + ZONE]
    _buy(told.world, told.client, names)
    assert "70.00 EUR" in told.hook.wait_event("purchase", "dear." + ZONE)["text"]
    told.hook.wait_event("push", "main")
    _buy(told.world, told.client, ["cheap." + ZONE])
    assert not [event for event in told.hook.events() if event["event"] == "purchase" and "cheap" in event["text"]]


def test_a_limit_that_is_near_and_reached(told):
    ctl(told.world, "policy", "create", "tight", "names=." + ZONE, "purchases_per_day=2",
        "contact_email=tight@acme.example")
    told.tight = bound_client(told.world, ctl_json(told.world, "eab", "create", "tight"))
    _buy(told.world, told.tight, ["one." + ZONE])
    assert "1 of 2" in told.hook.wait_event("limit", "tight is near")["text"]
    _buy(told.world, told.tight, ["two." + ZONE])
    told.hook.wait_event("limit", "tight is reached")


def test_no_credit_holds_an_order(told):
    told.world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-15", "times": 1})
    url = _finalize(told.world, told.client, ["held." + ZONE])
    event = told.hook.wait_event("held", "held." + ZONE)
    assert url.rsplit("/", 1)[1] in event["text"]
    told.hook.wait_event("credit", "used up")
    ctl(told.world, "upstream", "resume", "main")
    told.client.certificate(url)


def test_low_credit(told):
    told.world.set_settings(creditCents=500)
    assert "less than 10.00 EUR" in told.hook.wait_event("credit", "is low")["text"]
    told.world.set_settings(creditCents=10000000)


def test_domain_control_that_is_missing(told):
    told.world.dns.update(lambda update: (update.add("stuck", 60, "A", "127.0.0.1"),
                                          update.add("stuck", 60, "CAA", '0 issue ";"')))
    url = _finalize(told.world, told.client, ["stuck." + ZONE])
    event = told.hook.wait_event("blocked", "stuck." + ZONE)
    assert "CAA" in event["text"] and "waits for domain control" in event["text"]
    told.world.dns.update(lambda update: update.delete("stuck"))
    told.client.certificate(url)


def test_drift(told):
    told.world.order_by_hand("hand." + ZONE, make_csr(["hand." + ZONE]),
                             foreignOrderNumber="a" + "1" * 32)
    assert "1 orders that the store does not know" in told.hook.wait_event("drift", "main")["text"]


def test_a_refused_login(told):
    # As often as it is asked: a call that was on its way beside the refused one would open the login before anybody looked.
    told.world.set_faults({"endpoint": "*", "action": "code:-16", "times": -1})
    told.hook.wait_event("login", "main")
    with requests.Session() as session:
        session.trust_env = False
        session.delete(told.world.sandbox_url + "/sandbox/faults", verify=told.world.path("sandbox/tls-ca.pem"), timeout=30)
    ctl(told.world, "upstream", "test", "main")
    wait_for("an open login", lambda: ctl_json(told.world, "upstream", "status")["items"][0]["state"] == "open")


def test_a_revocation_by_sectigo(told):
    order, = told.world.bought(["cheap." + ZONE])
    _advance(told.world, order["orderNumber"], step="revoke")
    assert "has revoked" in told.hook.wait_event("revoked", "cheap." + ZONE)["text"]
    said, = [line for line in ctl_json(told.world, "audit", "--newest")["items"] if line["what"] == "revoked-by-sectigo"]
    assert said["names"] == ["cheap." + ZONE]


def test_what_expires_is_told_to_the_policys_contact_too(told):
    """Here everything ends within a year; tables are looked at whole once an hour, and at each start."""
    told.world.restart_gateway()
    told.hook.wait_event("expiring", "one." + ZONE)
    told.hook.wait_event("expiring", "dear." + ZONE)
    sender, to, mail, _ = told.mail.wait_mail("one." + ZONE, "tight@acme.example")
    assert to == ["tight@acme.example"] and "dear." + ZONE not in content_of(mail)


# ---- how it was told ----

def test_each_is_told_once(told):
    told.world.restart_gateway()
    told.hook.wait_event("expiring", "one." + ZONE)
    seen = [(event["event"], event["subject"]) for event in told.hook.events()]
    assert len(seen) == len(set(seen)), sorted(one for one in seen if seen.count(one) > 1)
    assert {kind for kind, _ in seen} == {"purchase", "limit", "credit", "held", "blocked", "login", "drift", "revoked",
                                          "expiring", "push", "tls"}


def test_the_webhook_is_signed(told):
    assert all(signed(post, KEY) for post in told.hook.posts)
    path, headers, body = told.hook.posts[0]
    assert not signed((path, headers, body + b" "), KEY) and not signed((path, headers, body), KEY + "x")
    message = told.hook.messages()[0]
    assert message["gateway"] == told.world.acme_url and message["test"] is False and message["left_out"] == 0


def test_the_mail(told):
    """Over TLS, with the password, also to who is left where one address is wrong."""
    sender, to, mail, encrypted = told.mail.wait_mail("stuck." + ZONE)
    assert encrypted and sender == "acmegate@acme.example" and to == ["pki@acme.example"]
    assert mail["Subject"].startswith("acmegate 127.0.0.1") and "blocked" in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Date"] and mail["Message-ID"] and "pki@" in mail["To"]


def test_the_program_reads_json(told):
    def look():
        return [event for message in told.programs() for event in message["events"] if "stuck." + ZONE in event["text"]]
    assert "blocked" in [event["event"] for event in wait_for("the program", look)]


@pytest.mark.parametrize("form", ["slack", "teams", "mattermost"])
def test_chats(told, form):
    """Each in the form that it reads; nothing of an event becomes markup."""
    def text(message):
        if form == "teams":
            card = message["attachments"][0]
            assert message["type"] == "message" and card["contentType"] == "application/vnd.microsoft.card.adaptive"
            return card["content"]["body"][1]["text"]
        return message["text"]
    wait_for("the chat", lambda: [one for one in told.chats[form].messages() if "stuck." + ZONE in text(one)])


def test_targets_are_listed_and_tried(told):
    rows = {row["target"]: row for row in ctl_json(told.world, "notify", "list")["items"]}
    assert {name: row["by"] for name, row in rows.items()} == {
        "hook": "webhook", "mail": "mail", "program": "program", "slack": "webhook", "teams": "webhook",
        "mattermost": "webhook"}
    assert rows["hook"]["told_ms"] and rows["hook"]["failures"] == 0 and rows["hook"]["note"] is None
    tried = ctl_json(told.world, "notify", "test")["items"]
    assert [row["target"] for row in tried] == list(rows)
    assert told.hook.messages()[-1]["test"] is True and signed(told.hook.posts[-1], KEY)
    told.mail.wait_mail("This is a test", "pki@acme.example")
    assert "no target" in ctl(told.world, "notify", "test", "nobody", status=NOT_FOUND).stderr
    told.chats["slack"].status = 302
    told.chats["slack"].location = told.hook.url
    said = ctl(told.world, "notify", "test", "slack", status=FAILED).stderr
    assert "302" in said and "none is followed" in said and told.chats["slack"].url not in said


def test_no_secret_in_the_log(told):
    told.world.stop_gateway()
    with open(os.path.join(told.folder, "acmegate.log"), encoding="utf-8") as file:
        log = file.read()
    told.world.start_gateway()
    assert "a notification was sent" in log
    for secret in (KEY, MAIL_PASSWORD, told.chats["slack"].url):
        assert secret not in log


# ---- when it does not go well ----

@pytest.fixture
def hook():
    sink = WebhookSink()
    yield sink
    sink.close()


def _one(hook, **more):
    return lambda config: (_notify(config, {"name": "hook", "webhook": {"url": hook.url}, "timeout": "60s"}, **more),
                           config["acme"].update(hold_finalize="0s"))


def _wait_target(world, wanted):
    """The only target, once it is as wanted."""
    def look():
        row, = ctl_json(world, "notify", "list")["items"]
        return wanted(row) and row
    return wait_for("the target", look)


def _wait_waiting(world, count):
    return _wait_target(world, lambda row: row["waiting"] >= count)["waiting"]


def _flood(world, client, count):
    """So many orders that are held at once."""
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-15", "times": -1})
    for i in range(count):
        _finalize(world, client, [f"flood{i}.{ZONE}"])
    wait_for("all held", lambda: ctl_json(world, "status")["issuances"]["held"] == count)


def test_a_kill_before_it_is_taken_tells_it_again(make_world, hook):
    """The sink has read it and answered nothing: nobody knows whether it was told."""
    hook.hold()
    world = make_world(change=_one(hook))
    wait_for("the request", lambda: hook.posts)
    _flood(world, _client(world), 1)
    _wait_waiting(world, 3)
    world.kill_gateway()
    first = hook.events()
    assert [event["event"] for event in first] == ["tls"]
    hook.release()
    world.start_gateway()
    hook.wait_event("held", "flood0." + ZONE)
    assert [event["subject"] for event in hook.events()].count(first[0]["subject"]) == 2


def test_a_kill_right_after_the_event_loses_nothing(make_world, hook):
    """It happened, and nobody had looked yet."""
    world = make_world(change=_one(hook, look_every="1h"))
    _flood(world, _client(world), 1)
    assert not [event for event in hook.events() if event["event"] == "held"]
    world.kill_gateway()
    world.start_gateway()
    hook.wait_event("held", "flood0." + ZONE)


def test_a_sink_that_is_down_for_a_while_is_told_later_and_once(make_world, hook):
    """Meanwhile issuance goes on."""
    hook.status = 503
    world = make_world(change=_one(hook))
    assert "BEGIN CERTIFICATE" in _buy(world, _client(world), ["down." + ZONE])
    row = _wait_target(world, lambda row: row["failures"] > 1)
    assert "503" in row["note"] and row["waiting"] > 0
    refused = len(hook.posts)
    hook.status = 200
    row = _wait_target(world, lambda row: row["failures"] == 0 and row["waiting"] == 0)
    assert row["note"] is None and row["told_ms"]
    taken = [event["subject"] for _, _, body in hook.posts[refused:] for event in json.loads(body)["events"]]
    assert len(taken) == len(set(taken)) and len(taken) > 0


def test_a_flood_is_one_digest(make_world, hook):
    """What happens while a message is under way stands in the next one, all of it."""
    hook.hold()
    world = make_world(change=_one(hook))
    wait_for("the first message", lambda: hook.posts)
    _flood(world, _client(world), 14)
    waiting = _wait_waiting(world, 1 + 14 + 1)
    hook.release()
    wait_for("the digest", lambda: len(hook.posts) == 2)
    _wait_target(world, lambda row: row["waiting"] == 0)
    first, digest = hook.messages()
    assert len(first["events"]) + len(digest["events"]) == waiting and len(hook.posts) == 2
    assert [event["event"] for event in digest["events"]].count("held") == 14
    assert digest["text"].count("[held]") == 11 and "[held] and 4 more" in digest["text"]


def test_what_is_over_and_comes_back_is_told_again(make_world, hook):
    world = make_world(change=_one(hook))
    client = _client(world)
    for count in (1, 2):
        world.set_faults({"endpoint": "AutoApplyOrder", "action": "code:-15", "times": 1})
        url = _finalize(world, client, [f"again{count}.{ZONE}"])
        wait_for("no credit", lambda: [event["event"] for event in hook.events()].count("credit") == count)
        ctl(world, "upstream", "resume", "main")
        client.certificate(url)


def test_a_mail_server_with_tls_from_the_first_octet(make_world):
    """And one whose certificate is for somebody else gets nothing."""
    sinks = []

    def change(config):
        pki = Told.pki(config)
        sinks.append(MailSink(pki, mode="tls"))
        mail = {"server": f"localhost:{sinks[0].port}", "security": "tls", "from": "acmegate@acme.example"}
        _notify(config, {"name": "good", "mail": {**mail, "to": ["pki@acme.example"], "ca_file": pki.ca}},
                {"name": "stranger", "mail": {**mail, "to": ["pki@acme.example"]}})
    world = make_world(change=change)
    try:
        _, to, mail, _ = sinks[0].wait_mail("acme listener")
        assert to == ["pki@acme.example"] and "1 tls" in mail["Subject"]
        said = ctl(world, "notify", "test", "stranger", status=FAILED).stderr
        assert "certificate" in said, said
        assert len(sinks[0].mails) == 1
    finally:
        world.stop_gateway()
        sinks[0].close()


def test_a_program_that_fails_says_why_and_is_run_again(make_world):
    def change(config):
        folder = os.path.dirname(config["admin"]["socket"])
        _notify(config, {"name": "program", "program": _write(folder, "program", "#!/bin/sh\necho out of paper\nexit 3\n", 0o700)})
    world = make_world(change=change)
    row = _wait_target(world, lambda row: row["failures"] > 1)
    assert "status 3: out of paper" in row["note"]
    assert "out of paper" in ctl(world, "notify", "test", status=FAILED).stderr


def test_a_target_that_is_configured_no_longer_is_forgotten(make_world, hook):
    hook.status = 500
    world = make_world(change=_one(hook))
    _wait_target(world, lambda row: row["failures"] > 0)
    world.stop_gateway()
    world.change = lambda config: _notify(config, {"name": "other", "webhook": {"url": hook.url}})
    world.write_config()
    hook.status = 200
    world.start_gateway()
    wait_for("no job", lambda: ctl_json(world, "status")["jobs"]["overdue"] == 0 and
             [row["target"] for row in ctl_json(world, "notify", "list")["items"]] == ["other"])


# ---- what the configuration may not say ----

@pytest.mark.parametrize("target, complaint", [
    ({"name": "a"}, "needs one of webhook (with its url), mail and program"),
    ({"name": "a", "program": "/bin/true", "webhook": {"url": "https://a.example"}}, "and no other"),
    ({"name": "a", "program": "/etc/passwd"}, "cannot be run"),
    ({"name": "a", "webhook": {"url": "ftp://a.example"}}, "https:// or http://"),
    ({"name": "a" * 33, "program": "/bin/true"}, "up to 32"),
    ({"name": "a", "mail": {"server": "mail.example.org", "from": "a@a.example"}, "events": ["fire"]}, "one of purchase"),
    ({"name": "a", "mail": {"server": "mail.example.org:0", "from": "a@a.example"}}, "a mail server"),
    ({"name": "a", "mail": {"server": "m.example", "from": "a@a.example", "policy_contacts": False}}, "nobody in"),
    ({"name": "a", "mail": {"server": "m.example", "from": "a@a.example", "user": "u"}}, "both user and password_file"),
])
def test_targets_that_are_refused(told, target, complaint):
    before, told.world.change = told.world.change, lambda config: _notify(config, target)
    path = told.world.write_config()
    refused = told.world.run_gateway("--config", path, "--check-config")
    told.world.change = before
    told.world.write_config()
    assert refused.returncode != 0 and complaint in refused.output, refused.output
