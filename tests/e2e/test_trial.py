"""dcv check: what would be published where, tried, looked at and removed; nothing is ordered."""

import http.server
import os
import threading


from dns_server import ZONE, DnsServer
from loopback import release_port, take_port
from test_ctl import FAILED, NOT_FOUND, ctl, ctl_json
from test_dcv import records
from world import folder_of


def _zone(methods):
    def change(config):
        folder = folder_of(config)
        port = int(config["validation"]["resolvers"][0].rpartition("@")[2])
        config["dcv"].update(methods=methods, zones=[{
            "zone": ZONE, "server": f"127.0.0.1@{port}", "tsig_name": DnsServer.KEY, "tsig_algorithm": "hmac-sha256",
            "tsig_secret_file": os.path.join(folder, "knot", "tsig-secret")}])
    return change


def test_a_file_is_tried(make_world):
    world = make_world(change=_zone(["http", "cname"]))
    tried = ctl_json(world, "dcv", "check", "tried." + ZONE)
    assert tried["good"] is True and tried["method"] == "HTTP_CSR_HASH" and tried["policy"] == "default", tried
    assert tried["place"].startswith(f"http://tried.{ZONE}/.well-known/pki-validation/") and tried["content"]
    assert [tried[name] for name in ("not_published", "not_seen", "caa", "not_removed")] == [None] * 4
    again = ctl_json(world, "dcv", "check", "tried." + ZONE)
    assert again["place"] != tried["place"], "each trial has a file of its own"
    assert not world.ledger() and world.requests()["AutoApplyOrder"] == 0
    said, = [line for line in ctl_json(world, "audit")["items"] if line["subject"] == "tried." + ZONE][:1]
    assert said["what"] == "domain control tried"


def test_a_record_is_tried_and_gone_again(make_world):
    """By a policy that prefers it; a wildcard has nothing else."""
    world = make_world(change=_zone(["http", "cname"]))
    ctl(world, "policy", "create", "by-dns", "names=*", "dcv_methods=cname")
    for arguments in (["tried." + ZONE, "--policy", "by-dns"], ["*." + ZONE]):
        tried = ctl_json(world, "dcv", "check", *arguments)
        assert tried["good"] is True and tried["method"] == "CNAME_CSR_HASH", tried
        assert tried["place"].endswith("." + ZONE) and tried["content"].endswith(".sectigo.com")
        assert not records(world), "it was removed before the answer"
    assert ctl_json(world, "status")["jobs"]["due"] == 0
    assert not world.ledger()


def test_what_is_in_the_way_is_said(make_world):
    """A web server that answers otherwise, CAA for others, a zone that takes no update, a name that nothing serves."""
    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    port = take_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        def change(config):
            _zone(["http"])(config)
            config["dcv"]["http_port"] = port
            config["dcv"]["zones"][0]["tsig_name"] = "another-key"

        world = make_world(change=change)
        world.dns.update(lambda update: (update.add("caa", 60, "A", "127.0.0.1"),
                                         update.add("caa", 60, "CAA", '0 issue "letsencrypt.org"')))
        tried = ctl_json(world, "dcv", "check", "caa." + ZONE)
        assert tried["good"] is False and "404" in tried["not_seen"] and "letsencrypt.org" in tried["caa"], tried
        tried = ctl_json(world, "dcv", "check", "*." + ZONE)
        assert tried["good"] is False and "cannot be published" in tried["not_published"], tried
        assert "no DNS zone" in ctl(world, "dcv", "check", "*.other.example", status=FAILED).stderr
        ctl(world, "dcv", "check", "tried." + ZONE, "--policy", "none", status=NOT_FOUND)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        release_port(port)
