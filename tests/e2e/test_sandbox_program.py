"""The sandbox as a program: its memory, its control paths, its listeners and its TLS."""

import datetime
import json
import socket
import ssl
import subprocess
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox_client import BUILD, Csr, issue, leaf_of, net, pem, replace, rsa_key, wait_for  # noqa: F401

NAME = "www.example.org"


# ---- memory ----


def test_everything_is_there_after_a_kill(net):
    box = net.sandbox()
    csr, reply, _ = issue(net, box, foreignOrderNumber="f1", uniqueValue="u1")
    replace(net, box, reply["orderNumber"])
    box.wait_state(reply["orderNumber"] + "repl#1", "issued")
    waiting = Csr("later.example.org")
    number = box.apply(waiting)["orderNumber"]
    box.settings(lockAfter=77)
    before = {order["orderNumber"]: order for order in box.ledger()["orders"]}
    balance = box.call("getAccountBalance", responseFormat=1)["balance"]
    root = (box.data / "root.pem").read_bytes()
    box.restart()
    after = {order["orderNumber"]: order for order in box.ledger()["orders"]}
    assert set(before) == set(after)
    for name in ("certificates", "state", "names", "debited", "placed", "issued", "foreignOrderNumber"):
        assert [order.get(name) for order in before.values()] == [after[key].get(name) for key in before], name
    assert (box.data / "root.pem").read_bytes() == root
    assert box.call("getAccountBalance", responseFormat=1)["balance"] == balance
    assert box.json("GET", "settings")[1]["lockAfter"] == 77
    assert box.apply(csr, uniqueValue="u1").code == -55
    assert box.apply(Csr(NAME), foreignOrderNumber="f1", checkFONIsUnique="Y").code == -4
    assert int(box.apply(Csr(NAME))["orderNumber"]) == int(number) + 1
    net.host("later.example.org")
    net.web.publish(waiting)
    box.wait_state(number, "issued")


def test_a_torn_line_is_forgotten(net):
    box = net.sandbox()
    box.apply(Csr(NAME))
    box.stop(9)
    with open(box.data / "journal.jsonl", "a") as journal:
        journal.write('{"order":{"orderNumber":"10000')
    box.start()
    assert len(box.ledger()["orders"]) == 1
    box.stop()
    with open(box.data / "journal.jsonl", "a") as journal:
        journal.write("rubbish\n")
    with pytest.raises(AssertionError):
        box.start()
    box.process.wait()


def test_keys_are_private(net):
    box = net.sandbox()
    for path in (box.data / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


# ---- beside Sectigo's paths ----


def test_the_page_shows_orders_and_no_markup_of_theirs(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    box.apply(Csr(NAME), foreignOrderNumber="<script>alert(1)</script>")
    page = box.request("GET", "/sandbox/")
    assert page.status == 200 and page.type.startswith("text/html")
    assert reply["orderNumber"] in page.text and NAME in page.text
    assert "<script>" not in page.text and "&lt;script&gt;" in page.text


def test_hands_on_orders(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME), dcvMethod="EMAIL", dcvEmailAddress="admin@example.org")["orderNumber"]
    assert box.advance(number, step="dance")[0] == 409
    assert box.advance(number, step="payment")[0] == 409
    assert box.advance("77")[0] == 404
    assert box.advance(number)[0] == 200
    box.wait_state(number, "issued")
    assert box.json("POST", "settings", {"nonsense": 1})[0] == 400
    assert box.json("POST", "settings", {"collectEncoding": "morse"})[0] == 400
    assert box.request("GET", "/sandbox/nothing").status == 404
    assert box.request("GET", "/elsewhere").status == 404


def test_test_orders_come_from_another_root(net):
    box = net.sandbox()
    _, reply, order = issue(net, box, test="Y")
    collected = box.collect(reply["orderNumber"])
    root = x509.load_pem_x509_certificate(pem(collected.all("caCertificate")[0]).encode())
    assert root == x509.load_pem_x509_certificate((box.data / "test-root.pem").read_bytes())
    assert root != x509.load_pem_x509_certificate((box.data / "root.pem").read_bytes())
    assert order["test"] and order["debited"] == "0.00"


def test_long_bodies_are_refused(net):
    box = net.sandbox()
    assert box.post("/products/!AutoApplyOrder", {"csr": "x" * 2_000_000}).status == 413
    assert box.request("POST", "/products/!AutoApplyOrder", b"a=%zz").code == -14


def test_plain_http_is_for_the_control_paths_alone(net):
    box = net.sandbox("--plain", "127.0.0.1:0")
    plain = box.process.stdout.readline().strip().removeprefix("plain ")
    assert plain.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(plain + "/sandbox/ledger") as reply:
        assert json.load(reply)["purchases"] == 0
    for path, wanted in (("/products/!AutoApplyOrder", "-1\nRequest was not made over https!\n"),
                         ("/products/!AutoUpdateDCV", "errorCode=-1&errorMessage=Request+was+not+made+over+https%21")):
        with urllib.request.urlopen(plain + path, b"a=b") as reply:
            assert reply.read().decode() == wanted


def test_sessions_can_be_resumed(net):
    box = net.sandbox()
    host, port = box.url.removeprefix("https://").split(":")
    box.tls.maximum_version = ssl.TLSVersion.TLSv1_2  # where Python sees the ticket before it reads
    session = None
    for reused in (False, True):
        with socket.create_connection((host, int(port))) as plain:
            with box.tls.wrap_socket(plain, server_hostname=host, session=session) as tls:
                assert tls.session_reused == reused
                session = tls.session


def test_rsa_certificates_verify(net):
    box = net.sandbox()
    csr = Csr(NAME, key=rsa_key(2048))
    net.host(NAME)
    net.web.publish(csr)
    number = box.apply(csr)["orderNumber"]
    box.wait_state(number, "issued")
    leaf = leaf_of(box.collect(number))
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment


def test_notifications_may_go_to_https(net):
    other = net.sandbox()
    box = net.sandbox("--push-url", other.url + "/sandbox/", "--push-ca", other.data / "tls-ca.pem")
    _, reply, _ = issue(net, box)
    notification = wait_for("delivery", lambda: box.order(reply["orderNumber"])["notifications"][0].get("delivered"))
    assert notification
    stranger = net.sandbox("--push-url", other.url + "/sandbox/", "--push-ca", box.data / "tls-ca.pem")
    stranger.settings(pushRetryMs=10)
    _, reply, _ = issue(net, stranger)
    wait_for("giving up", lambda: stranger.order(reply["orderNumber"])["notifications"][0]["done"])
    assert "delivered" not in stranger.order(reply["orderNumber"])["notifications"][0]


def client_certificate(folder, name):
    """A self-signed authority and a certificate of it for name: their files, and that of its key."""
    now = datetime.datetime.utcnow()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    made = []
    for common_name, key, is_ca in (("Clients", keys[0], True), (name, keys[1], False)):
        builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clients")]))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), True)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.append(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
    paths = [folder / f"{name}-{kind}.pem" for kind in ("ca", "certificate", "key")]
    for path, content in zip(paths, made):
        path.write_bytes(content)
    return paths


def test_a_client_certificate_is_as_good_as_a_password(net, tmp_path):
    authority, certificate, key = client_certificate(tmp_path, "sandbox")
    box = net.sandbox("--client-ca", authority)
    csr = Csr(NAME)
    assert box.apply(csr, loginName=None, loginPassword=None).code == -3
    assert box.apply(csr, loginPassword="wrong").code == -16
    box.tls.load_cert_chain(certificate, key)
    assert box.apply(csr, loginName=None, loginPassword=None).code == 0
    assert box.apply(Csr(NAME), loginPassword=None).code == 0
    assert box.apply(Csr(NAME), loginName="other", loginPassword=None).code == -3
    assert box.apply(Csr(NAME), loginPassword="wrong").code == -16
    _, certificate, key = client_certificate(tmp_path, "stranger")
    box.tls.load_cert_chain(certificate, key)
    assert box.apply(Csr(NAME), loginName=None, loginPassword=None).code == -3


def test_control_characters_do_not_break_a_line(net):
    box = net.sandbox()
    reply = box.call("AutoApplyOrder", **{"bad\nname\xff": "1"})
    assert reply.lines[0] == "-2" and len(reply.lines) == 3


def test_a_path_misprinted_in_the_reference_is_served(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    fields = {"loginName": "sandbox", "loginPassword": "sandbox", "orderNumber": number, "queryType": 0}
    assert box.post("/products!/GetDetailedOrderStatus", fields)["1_orderNumber"] == number


@pytest.mark.parametrize("arguments", [
    (), ("--listen", "127.0.0.1:0"), ("--listen", "nowhere", "--data", "{}"), ("--listen", "127.0.0.1:0", "--bogus"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "--issue-delay", "soon"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "--login", "someone"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "--login", "someone", "--password-file", "{}/nothing"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "--resolver", "127.0.0.1"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "--client-ca", "{}/nothing"),
    ("--listen", "127.0.0.1:0", "--data", "{}/no/such/folder"),
    ("--listen", "127.0.0.1:0", "--data", "{}", "extra"),
])
def test_wrong_command_lines_are_refused(tmp_path, arguments):
    arguments = [argument.replace("{}", str(tmp_path)) for argument in arguments]
    ended = subprocess.run([BUILD / "sectigo-sandbox", *arguments], capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0 and "sectigo-sandbox: " in ended.stderr and not ended.stdout


def test_a_port_that_is_taken_is_said(net):
    box = net.sandbox()
    again = [BUILD / "sectigo-sandbox", "--listen", box.url.removeprefix("https://"), "--data", str(box.data) + "-2"]
    ended = subprocess.run(again, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0 and "cannot listen on 127.0.0.1" in ended.stderr
    box.arguments[2] = box.url.removeprefix("https://")
    box.apply(Csr(NAME))
    box.restart()  # where connections of the last one still linger
    assert box.apply(Csr(NAME)).code == 0


def test_help_names_every_option():
    text = subprocess.run([BUILD / "sectigo-sandbox", "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("listen", "data", "resolver", "http-port", "push-url", "push-certificate", "login",
                   "password-file", "issue-delay"):
        assert f"--{option}" in text
