"""What goes wrong on request: each fault as a client sees it, and that the order was placed (or was not)."""

import socket
import ssl
import threading
import urllib.parse

import pytest

from sandbox_client import Csr, net, shared, wait_for  # noqa: F401

NAME = "www.example.org"


def raw(box, csr, timeout=30):
    """AutoApplyOrder by hand: (octets that came back, how it ended)."""
    fields = {"loginName": "sandbox", "loginPassword": "sandbox", "product": 287, "days": 365, "csr": csr.pem,
              "serverSoftware": -1, "isCustomerValidated": "N", "dcvMethod": "HTTP_CSR_HASH", "responseFormat": 1}
    body = urllib.parse.urlencode(fields).encode()
    host, port = box.url.removeprefix("https://").split(":")
    head = (b"POST /products/!AutoApplyOrder HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nContent-Type: "
            b"application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n" % len(body))
    with socket.create_connection((host, int(port)), timeout=timeout) as plain:
        return converse(plain, box.tls, host, head + body)


def converse(plain, context, host, request):
    """TLS over a plain socket by hand, since ssl's own sockets hide how a connection ended."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls, got, sent = context.wrap_bio(incoming, outgoing, server_hostname=host), b"", False
    while True:
        try:
            if not sent:
                tls.do_handshake()
                tls.write(request)
                sent = True
            part = tls.read(4096)
            if not part:
                return got, "end"
            got += part
        except ssl.SSLZeroReturnError:
            return got, "end"
        except ssl.SSLWantReadError:
            try:
                plain.sendall(outgoing.read())
                received = plain.recv(16384)
            except ConnectionResetError:
                return got, "reset"
            if not received:
                return got, "ragged end"
            incoming.write(received)


def placed(box):
    return len(box.ledger()["orders"])


def test_an_order_without_faults(shared):
    got, how = raw(shared.box, Csr(NAME))
    assert got.startswith(b"HTTP/1.1 200") and b"errorCode=0" in got


@pytest.mark.parametrize("action, ends", [
    ("lose-reply-after-accept", ("reset",)),
    ("close-without-reply", ("end", "ragged end")),
])
def test_no_octet_of_an_answer(shared, action, ends):
    before = placed(shared.box)
    shared.box.fault(action)
    got, how = raw(shared.box, Csr(NAME))
    assert got == b"" and how in ends
    assert placed(shared.box) == before + 1
    assert raw(shared.box, Csr(NAME))[0].startswith(b"HTTP/1.1 200")


def body_of(got):
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return body, length


@pytest.mark.parametrize("action, ends", [
    ("reset-mid-body", ("reset",)),
    ("truncate", ("end", "ragged end")),
])
def test_half_of_a_body(shared, action, ends):
    before = placed(shared.box)
    shared.box.fault(action)
    got, how = raw(shared.box, Csr(NAME))
    body, length = body_of(got)
    assert 0 < len(body) < length and how in ends, (got, how)
    assert placed(shared.box) == before + 1


def test_a_short_body_looks_whole(shared):
    shared.box.fault("short-body")
    reply = shared.box.apply(Csr(NAME))
    assert reply.status == 200 and reply.text.startswith("errorCode=0") and reply.get("certificateID") is None


def test_a_body_may_drip(shared):
    shared.box.fault("slow", seconds=0.5)
    reply = shared.box.apply(Csr(NAME))
    assert reply.code == 0


@pytest.mark.parametrize("action, status", [("status-500-after-accept", 500), ("html-after-accept", 200)])
def test_a_page_after_accepting(shared, action, status):
    before = placed(shared.box)
    shared.box.fault(action)
    reply = shared.box.apply(Csr(NAME))
    assert (reply.status, reply.type) == (status, "text/html") and "<html>" in reply.text
    assert placed(shared.box) == before + 1


def test_any_code_and_status_without_accepting(shared):
    before = placed(shared.box)
    shared.box.fault("code:-42")
    assert shared.box.apply(Csr(NAME)).code == -42
    shared.box.fault("status-503")
    assert shared.box.apply(Csr(NAME)).status == 503
    assert placed(shared.box) == before
    shared.box.fault("code-after-accept:-14")
    assert shared.box.apply(Csr(NAME)).code == -14
    assert placed(shared.box) == before + 1


def test_a_connection_may_be_refused(shared):
    before = placed(shared.box)
    shared.box.fault("refuse")
    with pytest.raises(OSError):
        shared.box.apply(Csr(NAME))
    assert shared.box.apply(Csr(NAME)).code == 0
    assert placed(shared.box) == before + 1


def test_a_slow_request_is_overtaken(shared):
    csr = Csr(NAME)
    shared.box.fault("overtaken", seconds=20)
    replies = {}

    def first():
        replies["first"] = shared.box.apply(csr, foreignOrderNumber="o-1", checkFONIsUnique="Y", uniqueValue="u")

    thread = threading.Thread(target=first)
    thread.start()
    wait_for("the first to wait", lambda: shared.box.json("GET", "faults")[1]["fired"][-1:]
             and shared.box.json("GET", "faults")[1]["fired"][-1]["action"] == "overtaken")
    second = shared.box.apply(csr, foreignOrderNumber="o-1", checkFONIsUnique="Y", uniqueValue="u")
    thread.join()
    assert second.code == 0 and replies["first"].code == -4


def test_rules_count_skip_and_name_their_endpoint(net):
    box = net.sandbox()
    box.json("POST", "faults", [{"endpoint": "AutoApplyOrder", "action": "code:-42", "times": 2, "skip": 1}])
    assert box.call("WebHostReport").code == 0
    assert [box.apply(Csr(NAME)).code for _ in range(4)] == [0, -42, -42, 0]
    shown = box.json("GET", "faults")[1]
    assert shown["rules"][0]["fired"] == 2 and len(shown["fired"]) == 2
    box.fault("code:-42", probability=0)
    assert box.apply(Csr(NAME)).code == 0
    box.fault("code:-1", times=-1, endpoint="*")
    assert [box.call("WebHostReport").code for _ in range(3)] == [-1, -1, -1]
    assert box.json("DELETE", "faults")[1] == {"rules": [], "fired": []}
    assert box.call("WebHostReport").code == 0


def test_a_refused_order_uses_up_no_fault(net):
    box = net.sandbox()
    box.fault("lose-reply-after-accept")
    assert box.apply(Csr(NAME), days=None).code == -3
    assert box.json("GET", "faults")[1]["fired"] == []


def test_wrong_rules_are_refused(net):
    box = net.sandbox()
    for rule in ({"action": "explode"}, {"action": "code:x"}, {"bogus": 1}, "text", [{"action": "refuse"}, {}]):
        assert box.json("POST", "faults", rule)[0] == 400
    assert box.json("GET", "faults")[1]["rules"] == []
