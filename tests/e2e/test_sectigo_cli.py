"""The command sectigo against the sandbox: every command, what it prints, and its exit status."""

import io
import json
import os
import pty
import re
import shlex
import socket
import subprocess
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from sandbox_client import Csr
from sectigo_command import (DONE, LOCAL, NAME, NO_ANSWER, NOT_YET, PASSWORD, REFUSED, SECTIGO, UNCONFIRMED, UNKNOWN,
                             USAGE, cli, issued, on_terminal, own, run)  # noqa: F401


# ---- apply ----


def test_apply_prints_the_order(cli):
    before = cli.placed()
    ran = cli.order(Csr(NAME))
    assert ran.status == DONE, ran.err
    values = ran.values
    assert values["outcome"] == "done" and values["totalCost"] == "35.00"
    order = cli.box.order(values["orderNumber"])
    assert order["certificateID"] == values["certificateID"]
    assert order["foreignOrderNumber"] == values["foreignOrderNumber"]
    assert re.fullmatch(r"cli-[a-z0-9]{20}", values["foreignOrderNumber"])
    assert ran.err.splitlines()[0] == f"sectigo apply: foreignOrderNumber {values['foreignOrderNumber']}"
    assert cli.placed() == before + 1


def test_apply_in_json(cli):
    order = cli.order(None, "--json", "--foreignOrderNumber", "mine-1", "--uniqueValue", "a1b2").json
    assert order == {"outcome": "done", "errorCode": 0, "orderNumber": order["orderNumber"],
                     "certificateID": order["certificateID"], "totalCost": "35.00", "uniqueValue": "a1b2",
                     "foreignOrderNumber": "mine-1"}


def test_apply_in_the_newline_format(cli):
    ran = cli.order(None, "--responseFormat", "0", "--showCertificateState", "Y", "--json")
    order = ran.json
    assert ran.status == DONE and order["certificateStatus"] == "1 Awaiting Validation (Full)"
    assert cli.box.order(order["orderNumber"])["certificateID"] == order["certificateID"]


def test_apply_tells_what_to_publish(cli):
    csr = Csr(NAME)
    ran = cli.order(csr, "--uniqueValue", "a1b2")
    line = next(line for line in ran.err.splitlines() if line.startswith("What proves control"))
    command = shlex.split(line.partition(": ")[2])
    token = run(*command[1:-1], NAME)
    assert csr.cname(NAME, "a1b2")[1] in token.out


def test_every_kind_of_product(cli):
    """What is no certificate has no certificate ID, and none of what only certificates need."""
    ran = cli("apply", "--product", "700", "--days", "365", "--appRepEmailAddress", "a@example.org", "--yes", "--json")
    assert ran.status == DONE and "certificateID" not in ran.json
    password = cli.file("guardian", "hunter2hunter2\n")
    guardian = ["apply", "--product", "357", "--days", "365", "--appRepEmailAddress", "a@example.org",
                "--appRepLoginName", "user", "--organizationName", "Example", "--appRepForename", "A",
                "--appRepSurname", "B", "--appRepCountryName", "DE", "--appRepLoginPassword", password, "--yes"]
    shown = cli(*guardian, "--dry-run")
    assert "appRepLoginPassword=***" in shown.out and "hunter2" not in shown.out
    assert cli(*guardian).status == DONE


def test_ip_addresses_can_be_spelled(cli):
    ran = cli("apply", "--product", "586,587,356", "--days", "365", "--IP-addresses", "10", "--appRepEmailAddress",
              "a@example.org", "--appRepLoginName", "user", "--organizationName", "Example", "--appRepForename", "A",
              "--appRepSurname", "B", "--appRepCountryName", "DE", "--dry-run", "--json")
    assert ran.json["parameters"]["IP Addresses"] == "10"


def test_a_number_buys_once(cli):
    assert cli.order(None, "--foreignOrderNumber", "once").status == DONE
    before = cli.placed()
    ran = cli.order(None, "--foreignOrderNumber", "once", "--json")
    assert ran.status == UNKNOWN and ran.json["outcome"] == "unknown"
    assert "perhaps placed earlier" in ran.err and "Do not order again" in ran.err
    assert cli.placed() == before
    assert cli.order(None, "--checkFONIsUnique", "N").status == USAGE
    assert cli.order(None, "--foreignOrderNumber", "a,b").status == USAGE
    assert cli.placed() == before


@pytest.mark.parametrize("action", ["lose-reply-after-accept", "close-without-reply", "reset-mid-body", "truncate",
                                    "status-500-after-accept", "html-after-accept", "code-after-accept:-14"])
def test_an_unknown_outcome_says_how_to_look(cli, action):
    before = cli.placed()
    cli.box.fault(action)
    ran = cli.order()
    assert ran.status == UNKNOWN and cli.placed() == before + 1
    assert "Do not order again" in ran.err
    line = next(line for line in ran.err.splitlines() if line.startswith("    sectigo report"))
    found = run(*shlex.split(line)[1:], "--json").json
    assert found["noOfResults"] == 1
    assert found["orders"][0]["foreignOrderNumber"] in ran.err
    cli.box.fault(action)
    lost = cli.order(None, "--json", "--foreignOrderNumber", f"json-{action}")
    assert lost.status == UNKNOWN
    assert lost.json["outcome"] == "unknown" and lost.json["foreignOrderNumber"] == f"json-{action}"


def test_what_never_left(cli):
    before = cli.placed()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{closed.getsockname()[1]}"
        ran = cli.order(None, "--url", nowhere, "--json")
        assert ran.status == NO_ANSWER and ran.json["outcome"] == "no answer" and "nothing was sent" in ran.err
        assert cli("balance", "--proxy", nowhere.replace("https", "http")).status == NO_ANSWER
        proxy = {"SECTIGO_PROXY": nowhere.replace("https://", f"http://me:{PASSWORD}@")}
        assert cli("balance", env=proxy).status == NO_ANSWER
    other = cli.file("other.pem", (cli.box.data / "root.pem").read_bytes())
    assert cli.order(None, "--ca-file", other).status == NO_ANSWER
    assert cli.placed() == before


@pytest.mark.parametrize("arguments, name", [
    (["--days", "364"], "days"), (["--product", "9"], "product"), (["--dcvMethod", "CARRIER_PIGEON"], "dcvMethod"),
    (["--uniqueValue", "a-b"], "uniqueValue"), (["--organizationName", "x" * 65], "organizationName"),
    (["--joiCountryName", "DE"], "joiCountryName"), (["--test", "perhaps"], "test"),
    (["--dcvMethod", "IP_ADDRESS_PRE"], f"dcvMethod: IP_ADDRESS_PRE cannot prove {NAME}"),
    (["--dcvMethod", "EMAIL", "--dcvEmailAddress", f"me@{NAME}"], f"dcvEmailAddress: me@{NAME} is not admin"),
    (["--dcvMethod", "EMAIL", "--dcvEmailAddress", f"admin@{NAME}", "--csr", "of 192.0.2.1"],
     "dcvMethod: EMAIL cannot prove 192.0.2.1"),
])
def test_a_wrong_order_is_not_sent(cli, arguments, name):
    before = cli.placed()
    order = {"--product": "287", "--days": "365", "--dcvMethod": "HTTP_CSR_HASH",
             "--csr": str(cli.file("wrong.csr", Csr(NAME).pem))}
    order.update(zip(arguments[::2], arguments[1::2]))
    if order["--csr"] == "of 192.0.2.1":
        order["--csr"] = str(cli.file("address.csr", Csr(cn="192.0.2.1").pem))
    ran = cli("apply", "--yes", *(word for pair in order.items() for word in pair))
    assert ran.status == USAGE and name in ran.err and "nothing was sent" in ran.err
    assert cli.placed() == before


def test_refusals_of_sectigo(own):
    own.box.settings(creditCents=1)
    ran = own.order()
    assert ran.status == REFUSED and "-15 (no credit): Not enough credit! (sectigo balance" in ran.err and ran.out == ""
    own.box.fault("code:-42")
    assert own.order().status == NOT_YET
    wrong = own.file("wrong", "not it")
    ran = own("balance", "--password-file", wrong, "--json")
    assert ran.status == REFUSED and ran.json["errorCode"] == -16 and "(login refused)" in ran.err and "is locked" in ran.err
    own.box.settings(creditCents=100000, paymentRequired=True)
    ran = own.order(None, "--json")
    assert ran.status == DONE and ran.json["errorCode"] == 1 and ran.json["payment"] == "required"
    ran = own("collect", "--orderNumber", ran.json["orderNumber"])
    assert ran.status == NOT_YET and "awaiting payment" in ran.values["errorMessage"]


# ---- collect ----


def test_collect_not_yet_and_then(own):
    csr = Csr(NAME)
    number = own.order(csr, "--json", publish=False).json["orderNumber"]
    ran = own("collect", "--orderNumber", number)
    assert ran.status == NOT_YET and ran.values["outcome"] == "not yet" and ran.values["dcvStatus"] == "in progress"
    own.net.host(NAME)
    own.net.web.publish(csr)
    ran = own("collect", "--orderNumber", number, "--wait", "--interval", "0.05")
    assert ran.status == DONE and f"orderNumber {number}: Being processed by Sectigo" in ran.err
    assert ran.values["fqdn"] == NAME and ran.out.count("BEGIN CERTIFICATE") == 3
    leaf = x509.load_pem_x509_certificate(ran.out[ran.out.index("-----BEGIN"):].encode())
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()
    assert ran.values["notAfter"] == leaf.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")


def certificates_in(text):
    return [x509.load_pem_x509_certificate(f"-----BEGIN CERTIFICATE-----{one}".encode())
            for one in text.split("-----BEGIN CERTIFICATE-----")[1:]]


@pytest.mark.parametrize("order", ["root-first", "leaf-first"])
def test_out_is_what_a_server_wants(own, order):
    own.box.settings(chainOrder=order)
    number, certificate = issued(own)
    path = own.folder / "chain.pem"
    ran = own("collect", "--certificateID", certificate, "--out", path)
    assert ran.status == DONE and ran.values["file"] == str(path) and "BEGIN" not in ran.out
    chain = certificates_in(path.read_text())
    assert len(chain) == 2 and chain[0].issuer == chain[1].subject
    assert chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == NAME
    assert not path.with_name("chain.pem.new").exists()
    ran = own("collect", "--orderNumber", number, "--out", own.folder / "no" / "where", "--json")
    assert ran.status == LOCAL and "BEGIN CERTIFICATE" in ran.json["certificate"] and "cannot be written" in ran.err


def test_other_files_of_certificates(cli):
    number, _ = issued(cli)
    path = cli.folder / "bundle"
    assert cli("collect", "--orderNumber", number, "--responseType", "2", "--out", path).status == DONE
    assert len(pkcs7.load_der_pkcs7_certificates(path.read_bytes())) == 3
    assert cli("collect", "--orderNumber", number, "--responseType", "0", "--out", path).status == DONE
    assert len(zipfile.ZipFile(io.BytesIO(path.read_bytes())).namelist()) == 3
    assert "netscapeCertificateSequence" in cli("collect", "--orderNumber", number, "--responseType", "1", "--json").json
    assert cli("collect", "--orderNumber", number, "--queryType", "3", "--out", path).status == DONE
    assert len(certificates_in(path.read_text())) == 2
    ran = cli("collect", "--orderNumber", number, "--queryType", "0", "--json")
    assert ran.status == DONE and ran.json["errorCode"] == 1 and "certificate" not in ran.json
    ran = cli("collect", "--orderNumber", number, "--raw", "--responseFormat", "0", "--queryType", "2")
    assert ran.status == DONE and ran.out.startswith("2\n") and len(certificates_in(ran.out)) == 1
    ran = cli("collect", "--orderNumber", number, "--raw", "--responseType", "0", "--responseEncoding", "1")
    assert ran.status == DONE and ran.out.startswith("PK")
    assert cli("collect", "--orderNumber", "77", "--raw", "--responseFormat", "0").status == REFUSED


def test_collect_in_the_newline_format(cli):
    number, _ = issued(cli)
    named = cli("collect", "--orderNumber", number, "--json").json
    lines = ["collect", "--orderNumber", number, "--responseFormat", "0"]
    assert cli(*lines, "--json").json == {"outcome": "done", "errorCode": 2, "certificate": named["certificate"],
                                          "caCertificates": named["caCertificates"]}
    shown = cli(*lines, "--showFQDN", "Y", "--wait", "--json").json
    assert (shown["fqdn"], shown["certificate"]) == (NAME, named["certificate"])
    periods = cli(*lines, "--queryType", "0", "--showValidityPeriod", "Y", "--json").json
    assert (periods["notBefore"], periods["notAfter"]) == (named["notBefore"], named["notAfter"])
    below = cli(*lines, "--queryType", "3", "--json").json
    assert "certificate" not in below and below["caCertificates"] == named["caCertificates"]


def test_waiting_ends(own):
    number = own.order(publish=False).values["orderNumber"]
    ran = own("collect", "--orderNumber", number, "--wait", "--interval", "0.05", "--wait-limit", "0.12")
    assert ran.status == NOT_YET and ran.values["outcome"] == "not yet" and "no more waiting" in ran.err
    assert own("reject", "--orderNumber", number, "--yes").status == DONE
    ran = own("collect", "--orderNumber", number, "--wait", "--interval", "0.05")
    assert ran.status == REFUSED and "-20 (rejected)" in ran.err
    number, _ = issued(own)
    assert own("collect", "--orderNumber", number, "--wait", "--url", "https://127.0.0.1:1").status == NO_ANSWER


def test_progress_on_a_terminal_stays_in_its_line(own):
    number = own.order(publish=False).values["orderNumber"]
    master, slave = pty.openpty()
    running = subprocess.Popen([str(SECTIGO), "collect", *map(str, own.where + own.login), "--orderNumber", number,
                                "--wait", "--interval", "0.05", "--wait-limit", "1"], stderr=slave,
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(slave)
    assert running.wait(60) == NOT_YET
    shown = os.read(master, 65536).decode()
    os.close(master)
    looks, rest = shown.split("\n", 1)
    assert looks.count("\r\x1b[K") >= 2 and "(look 2, the next in" in looks and "no more waiting" in rest


def test_waiting_through_trouble(own):
    csr = Csr(NAME)
    number = own.order(csr, "--json", publish=False).json["orderNumber"]
    own.box.fault("code:-42", "CollectSSL")
    own.box.fault("status-503", "CollectSSL", times=2)
    own.net.host(NAME)
    own.net.web.publish(csr)
    ran = own("collect", "--orderNumber", number, "--wait", "--interval", "0.05", "--json")
    assert ran.status == DONE and "HTTP status 503" in ran.err and "Call limit reached" in ran.err
    assert "BEGIN CERTIFICATE" in ran.json["certificate"]


def test_apply_and_wait(own):
    csr, path = Csr(NAME), own.folder / "waited.pem"
    ran = own.order(csr, "--wait", "--interval", "0.05", "--json", "--out", path)
    order, certificate = map(json.loads, ran.out.splitlines())
    assert ran.status == DONE and order["orderNumber"] == certificate["orderNumber"]
    assert certificate["file"] == str(path)
    leaf = certificates_in(path.read_text())[0]
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()


# ---- replace, status, report ----


def test_replace(own):
    number, certificate = issued(own)
    csr = Csr(NAME)
    own.net.web.publish(csr)
    before = own("balance").values["balance"]
    request = ["--orderNumber", number, "--csr", own.file("new.csr", csr.pem), "--dcvMethod", "HTTP_CSR_HASH"]
    ran = own("replace", *request, "--wait", "--interval", "0.05", "--json")
    assert ran.status == DONE, ran.err
    answer, collected = map(json.loads, ran.out.splitlines())
    assert answer["certificateID"] != certificate and "orderNumber" not in answer
    leaf = certificates_in(collected["certificate"])[0]
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()
    assert own("balance").values["balance"] == before
    assert own("replace", "--orderNumber", "77", *request[2:]).status == REFUSED
    own.box.fault("lose-reply-after-accept", "AutoReplaceSSL")
    ran = own("replace", *request)
    assert ran.status == UNKNOWN and f"--orderNumber {number}" in ran.err and "sectigo status" in ran.err
    family = own("status", "--orderNumber", number, "--json").json["orders"]
    assert [one["orderNumber"] for one in family] == [number, f"{number}repl#1", f"{number}repl#2"]


def test_status(cli):
    number, certificate = issued(cli)
    ran = cli("status", "--certificateID", certificate)
    assert ran.status == DONE and ran.values["noOfResults"] == "1"
    for line in (f"  orderNumber          {number}", f"    certificateID                 {certificate}",
                 "    dcvStatus                     completed", f"    names                         {NAME}"):
        assert line in ran.out.splitlines(), ran.out
    answer = cli("status", "--orderNumber", number, "--queryType", "0", "--json").json
    inner, = answer["orders"][0]["certificates"]
    assert inner["certificateID"] == certificate and "dcvStatus" not in inner
    assert cli("status", "--orderNumber", number, "--responseFormat", "2").status == USAGE
    assert cli("status", "--orderNumber", "77").status == REFUSED
    assert cli("status", "--orderNumber", number, "--raw").out.startswith("errorCode=0&1_orderNumber=")


def test_status_with_suggested_organisation(cli):
    csr = cli.file("ov.csr", Csr(cn=NAME).pem)
    ran = cli("apply", "--product", "316", "--days", "365", "--csr", csr, "--dcvMethod",
              "CNAME_CSR_HASH", "--appRepEmailAddress", "a@example.org", "--organizationName", "Sectigo",
              "--streetAddress1", "5 Becker Farm Road", "--localityName", "Roseland", "--stateOrProvinceName", "NJ",
              "--postalCode", "07068", "--countryName", "US", "--yes", "--json")
    answer = cli("status", "--orderNumber", ran.json["orderNumber"], "--json").json
    assert answer["orders"][0]["suggestedOrgDetails"] == "Found"
    assert answer["orders"][0]["organizations"][0]["localityName"] == "Roseland"
    assert "organizationName     Sectigo Limited" in cli("status", "--orderNumber", ran.json["orderNumber"]).out


def test_report(own):
    numbers = [own.order(None, "--foreignOrderNumber", f"row-{n}", "--json").json["orderNumber"] for n in range(3)]
    for number in numbers:
        own.box.wait_state(number, "issued")
    ran = own("report")
    assert ran.status == DONE and ran.values["noOfResults"] == "3"
    assert ran.rows[0][:4] == ["orderNumber", "foreignOrderNumber", "orderDateTime", "orderStatus"]
    assert [row[:2] for row in ran.rows[1:]] == [[number, f"row-{n}"] for n, number in enumerate(numbers)]
    assert not any(line.endswith(" ") for line in ran.out.splitlines())
    ran = own("report", "--foreignOrderNumber", "row-1", "--showStatusDetails", "Y")
    assert [row[0] for row in ran.rows] == ["orderNumber", numbers[1]] and "dcvStatus" in ran.rows[0]
    answer = own("report", "--firstResultNo", "2", "--lastResultNo", "2", "--json").json
    assert answer["noOfResults"] == 3 and [one["orderNumber"] for one in answer["orders"]] == [numbers[1]]
    ran = own("report", "--foreignOrderNumber", "nobody's")
    assert ran.status == DONE and ran.values["noOfResults"] == "0" and "orderNumber" not in ran.out
    assert own("report", "--fqdn", "%.example.org", "--json").json["noOfResults"] == 3
    own.box.fault("lose-reply-after-accept", "WebHostReport", times=5)
    ran = own("report")
    assert ran.status == NO_ANSWER and "nothing was changed" in ran.err
    own.box.json("DELETE", "faults")
    own.box.fault("html-after-accept", "WebHostReport")
    assert own("report").status == NO_ANSWER


# ---- endings ----


def test_revoke(cli):
    number, certificate = issued(cli)
    ran = cli("revoke", "--certificateID", certificate, "--revocationReason", "lost", "--codeReason", "1", "--yes")
    assert ran.status == DONE and ran.values["certificateID"] == certificate
    assert cli.box.order(number)["state"] == "revoked"
    ran = cli("revoke", "--certificateID", certificate, "--revocationReason", "lost", "--yes", "--json")
    assert ran.status == DONE and ran.json["errorCode"] == -21 and "already" in ran.json["errorMessage"]
    assert cli("revoke", "--orderNumber", number, "--yes").status == USAGE
    assert cli("revoke", "--orderNumber", "77", "--revocationReason", "x", "--yes").status == REFUSED
    serial = cli("status", "--orderNumber", issued(cli)[0], "--json").json["orders"][0]["certificates"][0]["serialNumber"]
    cli.box.fault("lose-reply-after-accept", "AutoRevokeSSL")
    again = ["revoke", "--serialNumber", serial, "--revocationReason", "x", "--yes"]
    ran = cli(*again)
    assert ran.status == UNKNOWN and "may be given again" in ran.err
    assert cli(*again).status == DONE


def test_reject_and_refund(cli):
    number = cli.order(publish=False).values["orderNumber"]
    ran = on_terminal(cli, "n\n", "reject", "--orderNumber", number)
    assert ran.status == UNCONFIRMED and f"Cancel the order with orderNumber {number}" in ran.err
    assert cli("reject", "--orderNumber", number, "--yes").status == DONE
    assert cli("reject", "--orderNumber", number, "--yes", "--json").json["errorCode"] == -20
    number, _ = issued(cli)
    ran = cli("reject", "--orderNumber", number, "--yes")
    assert ran.status == REFUSED
    assert "Sectigo answers -4: The value of the 'orderNumber' argument is invalid!" in ran.err
    ran = on_terminal(cli, "y\n", "refund", "--orderNumber", number, "--refundReasonCode", "10")
    assert ran.status == DONE and "Reason: Found the certificate for a better price." in ran.err
    ran = cli("refund", "--orderNumber", number, "--refundReasonCode", "10", "--yes")
    assert ran.status == DONE and "already been refunded" in ran.out  # as the manual says: it is done
    assert cli("refund", "--orderNumber", number, "--refundReasonCode", "12", "--yes").status == USAGE


# ---- control of names ----


def test_update_dcv_and_its_status(own):
    csr = Csr(NAME)
    number = own.order(csr, "--json", publish=False).json["orderNumber"]
    ran = own("dcv-status", "--orderNumber", number)
    assert ran.rows == [["domainName", "dcvMethod", "dcvStatus"], [NAME, "HTTP_CSR_HASH", "Awaiting Validation"]]
    owner, target = csr.cname(NAME)
    own.net.dns.add(owner, "CNAME", target)
    assert own("update-dcv", "--orderNumber", number, "--newMethod", "CNAME_CSR_HASH").status == DONE
    own.box.wait_state(number, "issued")
    domain, = own("dcv-status", "--orderNumber", number, "--json").json["domains"]
    assert domain == {"domainName": NAME, "dcvMethod": "CNAME_CSR_HASH", "dcvStatus": "Validated", "validated": True}
    ran = own("update-dcv", "--orderNumber", number, "--newMethod", "CNAME_CSR_HASH", "--json")
    assert ran.status == DONE and ran.json["errorCode"] == -47
    assert own("update-dcv", "--orderNumber", "77", "--newMethod", "CNAME_CSR_HASH").status == REFUSED
    assert own("update-dcv", "--orderNumber", number).status == USAGE
    assert own("dcv-status", "--orderNumber", "77").status == REFUSED


def test_email(cli):
    ran = cli("dcv-addresses", "--domainName", NAME)
    assert ran.values["domainName"] == NAME and ["postmaster@example.org", "level2"] in ran.rows
    answer = cli("dcv-addresses", "--domainName", NAME, "--json").json
    assert {"email": "admin@www.example.org", "source": "level3"} in answer["addresses"]
    assert cli("dcv-addresses", "--domainName", "192.0.2.1").status == REFUSED
    csr = cli.file("mail.csr", Csr(NAME).pem)
    number = cli("apply", "--product", "287", "--days", "365", "--csr", csr, "--dcvEmailAddress", "admin@example.org",
                 "--yes", "--json").json["orderNumber"]
    assert cli("resend-dcv", "--orderNumber", number, "--dcvEmailAddress", "admin@example.org").status == DONE
    ran = cli("resend-dcv", "--orderNumber", number, "--dcvEmailAddress", "me@example.com", "--json")
    assert ran.status == REFUSED and ran.json["errorCode"] == -4


def test_retry_caa(own):
    own.net.dns.add(NAME, "CAA", '0 issue "other.example"')
    number = own.order(None, "--json").json["orderNumber"]
    own.box.wait_state(number, "failed")
    own.net.dns.add(NAME, "CAA", '0 issue "sectigo.com"')
    ran = own("retry-caa", "--orderNumber", number)
    assert ran.status == DONE and "successfully relaunched" in ran.values["errorMessage"]
    own.box.wait_state(number, "issued")
    assert own("retry-caa", "--orderNumber", number).status == NOT_YET
    other, _ = issued(own)
    assert "-296" in own("retry-caa", "--orderNumber", other).err


def token_of(out, kind):
    return next(part for part in out.strip().split("\n\n") if part.startswith(kind)).splitlines()


def test_token_is_what_sectigo_looks_for(cli):
    csr = Csr(NAME)
    path = cli.file("token.csr", csr.pem)
    ran = run("token", "--csr", path, "--name", NAME, "--uniqueValue", "q7")
    assert token_of(ran.out, "HTTP") == [
        f"HTTP_CSR_HASH: the file http://{NAME}/.well-known/pki-validation/{csr.md5.upper()}.txt", csr.sha256,
        "sectigo.com", "q7"]
    owner, target = csr.cname(NAME, "q7")
    assert token_of(ran.out, "CNAME") == [f"CNAME_CSR_HASH: the record for {NAME}", f"{owner}. IN CNAME {target}"]
    wildcard = run("token", "--csr", path, "--name", "*.example.org")
    assert "HTTP_CSR_HASH" not in wildcard.out and f"_{csr.md5}.example.org. IN CNAME" in wildcard.out
    address = run("token", "--csr", path, "--name", "2001:db8::1")
    assert "CNAME" not in address.out and "http://[2001:db8::1]/.well-known/" in address.out
    answer = run("token", "--csr", path, "--name", NAME, "--name", "*.example.org", "--json").json
    assert answer["names"][0] == {
        "name": NAME, "filePath": f"/.well-known/pki-validation/{csr.md5.upper()}.txt",
        "fileBody": f"{csr.sha256}\nsectigo.com", "cnameOwner": csr.cname(NAME)[0],
        "cnameTarget": csr.cname(NAME)[1].rstrip(".")}
    assert "filePath" not in answer["names"][1]
    for wrong in (["--uniqueValue", "a-b"], ["--uniqueValue", "x" * 21], ["--name", "a b"], ["--name", "x" * 240]):
        assert run("token", "--csr", path, "--name", NAME, *wrong).status == USAGE
    assert run("token", "--csr", path).status == USAGE
    assert run("token", "--csr", cli.file("no.csr", "hello"), "--name", NAME).status == USAGE


# ---- the rest ----


def test_balance(own):
    own.box.settings(creditCents=123456)
    assert own("balance").values == {"outcome": "done", "errorCode": "0", "balance": "1234.56"}
    own.order()
    assert own("balance", "--json").json["balance"] == "1199.56"
    assert own("balance", "--raw").out.strip() == own.box.call("getAccountBalance").text.strip()


def test_decode_csr(cli):
    csr = Csr(cn=NAME)
    ran = cli("decode-csr", "--csr", cli.file("decode.csr", csr.pem))
    assert ran.status == DONE and ran.values["CN"] == NAME and ran.values["hashesAgree"] == "yes"
    answer = cli("decode-csr", "--csr", cli.file("decode.csr", csr.pem), "--json").json
    assert answer["md5"] == csr.md5 and answer["sha256"] == csr.sha256 and answer["KeySize"] == "256"
    raw = cli("decode-csr", "--csr", cli.file("decode.csr", csr.pem), "--raw", "--responseFormat", "2")
    assert raw.status == DONE and json.loads(raw.out)["CN"] == NAME
    assert cli("decode-csr", "--csr", cli.file("decode.csr", "aGVsbG8=")).status in (REFUSED, USAGE)


def test_products():
    rows = run("products").rows
    assert rows[0] == ["product", "name", "family", "validation", "shape", "trial", "days"]
    assert ["287", "PositiveSSL DV", "PositiveSSL", "DV", "single"] in [row[:5] for row in rows]
    assert any(row[0] == "586,587" for row in rows)
    everything = run("products", "--json").json["products"]
    assert len(everything) == len(rows) - 1
    some = run("products", "--validation", "ev", "--shape", "multi", "--json").json["products"]
    assert some and all((one["validation"], one["shape"]) == ("EV", "multi-domain") for one in some)
    assert run("products", "--family", "bicycle").err == "sectigo products: no product is like that\n"


def test_codes():
    rows = run("codes").rows
    assert rows[0] == ["code", "meaning", "problem", "calls", "text"]
    assert len(rows) > 60
    refused = run("codes", "--code", "-16", "--json").json["codes"]
    assert {(row["code"], row["meaning"]) for row in refused} == {(-16, "login refused")}
    assert "every call" in [row["calls"] for row in refused]
    cases = {(row["code"], row["problem"]) for row in run("codes", "--call", "autoapply", "--json").json["codes"]
             if "problem" in row}
    assert {(-5, "rejectedIdentifier"), (-9, "badCSR"), (-4, "serverInternal")} <= cases
    assert run("codes", "--code", "-777").err == "sectigo codes: no page lists such a code\n"


def test_push_shows_the_links_of_its_code(cli):
    said = "orderNumber=1234567&certificateID=89&status=verified&statusCode=1&statusDesc=Phone&verificationCode=mdtB%2Bfz"
    path = cli.file("push", said + "\n")
    ran = run("push", "--push", path)
    query = "orderNumber=1234567&code2=mdtB%2Bfz"
    assert ran.status == DONE and ran.values["status"] == "verified"
    assert ran.values["ovCallbackLink"] == f"https://secure.trust-provider.com/products/EnterCallbackCode?{query}"
    assert ran.values["evClickThroughLink"] == (
        f"https://secure.trust-provider.com/products/ExecuteAgreementsWithCode?{query}")
    elsewhere = run("push", "--push", path, "--url", "https://stand-in.example", "--json").json
    assert elsewhere["ovCallbackLink"].startswith("https://stand-in.example/products/")
    without = run("push", "--push", cli.file("push", "orderNumber=1&status=issued&statusCode=6"), "--json").json
    assert without == {"orderNumber": "1", "statusCode": 6, "status": "issued"}
    for wrong in ([], ["--push", cli.file("push", "hello")], ["--push", cli.folder / "nowhere"]):
        assert run("push", *wrong).status == USAGE


def test_output_that_cannot_be_written(cli):
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(SECTIGO), "products"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == LOCAL and "cannot be written" in done.stderr
