"""The sandbox's other endpoints: collecting, reports, replacing, revoking, refunds, decoding."""

import base64
import datetime
import io
import json
import threading
import urllib.parse
import urllib.request
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from sandbox_client import Csr, issue, leaf_of, net, pem, replace, wait_for  # noqa: F401

NAME = "www.example.org"
DAY = 86400


# ---- CollectSSL ----


def test_a_certificate_is_what_was_ordered(net):
    box = net.sandbox()
    csr, reply, order = issue(net, box)
    collected = box.collect(reply["orderNumber"], showFQDN="Y")
    assert collected.code == 2 and collected["orderNumber"] == reply["orderNumber"] and collected["fqdn"] == NAME
    leaf = leaf_of(collected)
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert leaf.not_valid_after - leaf.not_valid_before <= datetime.timedelta(days=199)
    assert abs(leaf.not_valid_before - datetime.datetime.utcnow()) < datetime.timedelta(minutes=10)
    assert f"{leaf.serial_number:x}" == order["certificates"][0]["serial"]
    stamp = leaf.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    assert int(collected["notAfter"]) == stamp == order["certificates"][0]["notAfter"]


def test_the_chain_verifies_and_is_the_folders(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    collected = box.collect(reply["orderNumber"])
    root, intermediate = (x509.load_pem_x509_certificate(pem(text).encode()) for text in collected.all("caCertificate"))
    assert root == x509.load_pem_x509_certificate((box.data / "root.pem").read_bytes())
    assert intermediate == x509.load_pem_x509_certificate((box.data / "intermediate.pem").read_bytes())
    for child, parent in ((leaf_of(collected), intermediate), (intermediate, root), (root, root)):
        assert child.issuer == parent.subject
        parent.public_key().verify(child.signature, child.tbs_certificate_bytes, ec.ECDSA(child.signature_hash_algorithm))


def test_query_types_and_formats(net):
    box = net.sandbox()
    _, reply, order = issue(net, box)
    number, certificate = reply["orderNumber"], order["certificates"][0]
    assert box.collect(number, queryType=0, responseFormat=0).lines == [
        "1", str(certificate["notBefore"]), str(certificate["notAfter"]), ""]
    lines = box.collect(number, queryType=2, responseFormat=0, showValidityPeriod="N", showFQDN="Y")
    assert lines.text.startswith(f"2\n{NAME}\n-----BEGIN CERTIFICATE-----\n")
    assert lines.text.count("BEGIN") == 1
    everything = box.collect(number, responseFormat=0, showValidityPeriod="N").text.removeprefix("2\n")
    blocks = [block + "-----END CERTIFICATE-----\n" for block in everything.split("-----END CERTIFICATE-----\n")[:-1]]
    subjects = [x509.load_pem_x509_certificate(block.encode()).subject.rfc4514_string() for block in blocks]
    assert len(blocks) == 3 and "Root" in subjects[0] and NAME in subjects[2]
    only_chain = box.collect(number, queryType=3)
    assert only_chain.get("certificate") is None and len(only_chain.all("caCertificate")) == 2
    assert box.collect(None, certificateID=reply["certificateID"]).code == 2
    assert box.collect(None, baseOrderNumber=number).code == 2


def test_encodings_can_be_chosen(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    leaf = leaf_of(box.collect(reply["orderNumber"]))
    box.settings(collectEncoding="escaped")
    escaped = box.collect(reply["orderNumber"])
    assert leaf_of(escaped) == leaf and "+" not in escaped.text
    box.settings(collectEncoding="pem", chainOrder="leaf-first")
    armoured = box.collect(reply["orderNumber"])
    blocks = urllib.parse.parse_qs(armoured.text)
    assert x509.load_pem_x509_certificate(blocks["certificate"][0].encode()) == leaf
    assert "Intermediate" in x509.load_pem_x509_certificate(
        blocks["caCertificate"][0].encode()).subject.rfc4514_string()


def test_whole_files_of_certificates(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    number = reply["orderNumber"]
    leaf = leaf_of(box.collect(number))
    bundle = box.collect(number, responseType=2)
    certificates = pkcs7.load_der_pkcs7_certificates(base64.b64decode(bundle["pkcs7"]))
    assert len(certificates) == 3 and leaf in certificates
    assert box.collect(number, responseType=1)["netscapeCertificateSequence"]
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(box.collect(number, responseType=0)["zipFile"])))
    assert archive.testzip() is None and len(archive.namelist()) == 3
    for fields in ({"queryType": 2, "responseType": 2}, {"responseType": 1, "responseEncoding": 1},
                   {"responseEncoding": 1}):
        assert box.collect(number, **fields).code == -4
    fields = {"loginName": "sandbox", "loginPassword": "sandbox", "orderNumber": number, "queryType": 1,
              "responseType": 2, "responseEncoding": 1, "responseMimeType": "application/x-test"}
    request = urllib.request.Request(box.url + "/products/download/CollectSSL",
                                     urllib.parse.urlencode(fields).encode())
    with urllib.request.urlopen(request, context=box.tls) as reply:
        assert reply.headers["Content-Type"] == "application/x-test"
        assert leaf in pkcs7.load_der_pkcs7_certificates(reply.read())


@pytest.mark.parametrize("fields, code", [
    ({"showCertificateID": "Y"}, -2), ({"queryType": None}, -3), ({"orderNumber": None}, -3),
    ({"queryType": 7}, -4), ({"orderNumber": "99"}, -4), ({"loginPassword": "x"}, -16),
])
def test_wrong_collections_are_refused(net, fields, code):
    box = net.sandbox()
    assert box.call("CollectSSL", **{"orderNumber": "1000001", "queryType": 1, "responseFormat": 1,
                                     **fields}).code == code


def test_states_are_codes(net):
    box = net.sandbox()
    pending = box.apply(Csr(NAME))["orderNumber"]
    assert box.collect(pending).text == f"errorCode=0&orderNumber={pending}"
    box.call("AutoReject", orderNumber=pending)
    assert box.collect(pending).code == -20
    box.settings(issueDelayMs=3600000)
    csr = Csr(NAME)
    net.host(NAME)
    net.web.publish(csr)
    ready = box.apply(csr)["orderNumber"]
    box.wait_state(ready, "ready")
    assert box.collect(ready).code == -26
    details = box.collect(ready, queryType=0)
    assert details.code == -26


def test_a_pending_order_shows_its_steps(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    reply = box.collect(number, showStatusDetails="Y", showMDCDomainDetails="Y", showExtStatus="Y")
    assert (reply.code, reply["csrStatus"], reply["dcvStatus"], reply["ovCallBackStatus"]) == (0, "1", "2", "-1")
    assert reply["certificateStatus"] == "Awaiting Validation"
    assert reply["mdcDomainDetails"] == f"{NAME},Awaiting Validation"


def test_collections_at_the_same_time_are_counted(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    box.collect(number)
    assert box.ledger()["concurrentCollects"] == 0
    box.fault("delay", endpoint="CollectSSL", seconds=1)
    thread = threading.Thread(target=box.collect, args=(number,))
    thread.start()
    wait_for("the first", lambda: box.json("GET", "faults")[1]["fired"])
    box.collect(number)
    thread.join()
    assert box.ledger()["concurrentCollects"] == 1 and box.ledger()["requests"]["CollectSSL"] == 3


# ---- reports ----


def test_detailed_status(net):
    box = net.sandbox()
    _, reply, order = issue(net, box)
    status = box.call("GetDetailedOrderStatus", orderNumber=reply["orderNumber"], queryType=1)
    assert (status.code, status["1_orderNumber"], status["1_orderStatus"]) == (0, reply["orderNumber"], "Issued")
    assert status["1_suggestedOrgDetails"] == "NotApplicable" and status["1_1_FQDN"] == NAME
    assert (status["1_1_dcvStatus"], status["1_1_caaStatus"], status["1_1_evClickThroughStatus"]) == ("1", "1", "-1")
    assert status["1_1_serialNumber"] == order["certificates"][0]["serial"]
    short = box.call("GetDetailedOrderStatus", certificateID=reply["certificateID"], queryType=0)
    assert short.get("1_1_dcvStatus") is None and short["1_orderNumber"] == reply["orderNumber"]
    _, again = replace(net, box, reply["orderNumber"])
    family = box.call("GetDetailedOrderStatus", orderNumber=reply["orderNumber"], queryType=2)
    assert family["2_orderNumber"] == reply["orderNumber"] + "repl#1"
    assert family["2_1_certificateID"] == again["certificateID"]
    assert box.call("GetDetailedOrderStatus", orderNumber=reply["orderNumber"], queryType=3).code == -4
    assert box.call("GetDetailedOrderStatus", queryType=1).code == -3


def test_suggested_organisation(net):
    from test_sandbox_order import ORGANIZATION
    box = net.sandbox()
    number = box.apply(Csr(NAME), product=337, **ORGANIZATION)["orderNumber"]
    status = box.call("GetDetailedOrderStatus", orderNumber=number, queryType=1)
    assert (status["1_suggestedOrgDetails"], status["1_organizationName"]) == ("Found", "Sectigo Limited")
    assert status["1_dunsNumber"] and status["1_telephoneNumber"]
    other = {**ORGANIZATION, "organizationName": "Unheard Of"}
    number = box.apply(Csr(NAME), product=337, **other)["orderNumber"]
    assert box.call("GetDetailedOrderStatus", orderNumber=number, queryType=1)["1_suggestedOrgDetails"] == "NotFound"


def test_reports_filter_and_page(net):
    box = net.sandbox()
    replies = [box.apply(Csr(f"n{i}.example.org"), foreignOrderNumber=f"f{i}") for i in range(5)]
    report = box.call("WebHostReport")
    assert (report.code, report["noOfResults"]) == (0, "5")
    assert [report[f"{i}_1_domain"] for i in range(1, 6)] == [f"n{i}.example.org" for i in range(5)]
    page = box.call("WebHostReport", firstResultNo=2, lastResultNo=3)
    assert page["noOfResults"] == "5" and page["1_foreignOrderNumber"] == "f1" and page["2_orderNumber"]
    assert page.get("3_orderNumber") is None
    for fields, wanted in (({"foreignOrderNumber": "f1,f3,nothing"}, ["f1", "f3"]), ({"foreignOrderNumber": "f2"}, ["f2"]),
                           ({"orderNumber": replies[4]["orderNumber"]}, ["f4"]), ({"foreignOrderNumber": "none"}, []),
                           ({"certificateID": replies[0]["certificateID"]}, ["f0"]), ({"fqdn": "n3%"}, ["f3"]),
                           ({"fqdn": "n_.example.org"}, [f"f{i}" for i in range(5)]), ({"notBefore": 4000000000}, []),
                           ({"notAfter": 1000000000}, [])):
        report = box.call("WebHostReport", **fields)
        found = [report[f"{i + 1}_foreignOrderNumber"] for i in range(int(report["noOfResults"]))]
        assert found == wanted, fields
    details = box.call("WebHostReport", foreignOrderNumber="f1", showStatusDetails="Y")
    assert details["1_1_dcvStatus"] == "2" and details["1_1_csrStatus"] == "1"


def test_logins_do_not_see_each_other(net, tmp_path):
    (tmp_path / "p").write_text("p")
    box = net.sandbox("--login", "a", "--password-file", tmp_path / "p", "--login", "b", "--password-file", tmp_path / "p")
    box.login, box.password = "a", "p"
    number = box.apply(Csr(NAME), foreignOrderNumber="f")["orderNumber"]
    box.login = "b"
    assert box.call("WebHostReport")["noOfResults"] == "0"
    assert box.call("WebHostReport", foreignOrderNumber="f")["noOfResults"] == "0"
    assert box.collect(number).code == -4
    assert box.apply(Csr(NAME), foreignOrderNumber="f", checkFONIsUnique="Y").code == 0


# ---- replacing ----


def test_a_replacement_is_free_and_of_the_family(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    csr, again = replace(net, box, reply["orderNumber"], uniqueValue=None, foreignOrderNumber="f2")
    assert [name for name, _ in again.fields] == ["errorCode", "certificateID", "expectedDeliveryTime"]
    number = reply["orderNumber"] + "repl#1"
    order = box.wait_state(number, "issued")
    assert (order["kind"], order["debited"], order["baseOrderNumber"]) == ("replacement", "0.00", reply["orderNumber"])
    assert order["certificateID"] == again["certificateID"] != reply["certificateID"]
    assert box.order(reply["orderNumber"])["state"] == "replaced"
    newest = leaf_of(box.collect(None, baseOrderNumber=reply["orderNumber"]))
    assert newest.public_key().public_numbers() == csr.key.public_key().public_numbers()
    assert box.collect(number)["orderNumber"] == number
    assert box.collect(reply["orderNumber"]).code == 2
    ledger = box.ledger()
    assert (ledger["purchases"], ledger["replacements"]) == (1, 1)
    _, third = replace(net, box, number)
    box.wait_state(reply["orderNumber"] + "repl#2", "issued")
    assert box.order(number)["state"] == "replaced"


def test_newline_replies_of_replacements(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    _, again = replace(net, box, reply["orderNumber"], responseFormat=0)
    assert again.lines == ["0", "1", ""]


def test_replacements_are_refused(net):
    box = net.sandbox()
    pending = box.apply(Csr(NAME))["orderNumber"]
    assert replace(net, box, pending)[1].code == -26
    box.call("AutoReject", orderNumber=pending)
    assert replace(net, box, pending)[1].code == -20
    _, reply, _ = issue(net, box)
    number = reply["orderNumber"]
    assert replace(net, box, "4711")[1].code == -4
    assert replace(net, box, number, csr="!!")[1].code == -9
    assert replace(net, box, number, checkFONIsUnique="Y")[1].code == -2
    box.settings(foreignOrderNumberOnReplace="refuse")
    refused = replace(net, box, number, foreignOrderNumber="f")[1]
    assert refused.code == -2 and "foreignOrderNumber" in refused["errorMessage"]
    csr = Csr(NAME)
    assert replace(net, box, number, csr=csr.pem, uniqueValue="u")[1].code == 0
    assert replace(net, box, number, csr=csr.pem, uniqueValue="u")[1].code == -26


def test_a_revoked_order_is_over(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    number = reply["orderNumber"]
    assert box.call("AutoRevokeSSL", orderNumber=number, revocationReason="gone", responseFormat=1).code == 0
    assert replace(net, box, number)[1].code == -21


def test_the_same_csr_again_needs_no_new_proof(net):
    box = net.sandbox()
    csr, reply, _ = issue(net, box)
    net.web.files.clear()
    again = box.call("AutoReplaceSSL", orderNumber=reply["orderNumber"], csr=csr.pem, dcvMethod="HTTP_CSR_HASH",
                     omitAdditionalFQDN="Y", responseFormat=1)
    assert again["uniqueValue"].isalnum()
    order = box.wait_state(reply["orderNumber"] + "repl#1", "issued")
    assert order["dcv"][0]["looked"] == "validated before"


def test_validation_is_reused_by_setting(net):
    box = net.sandbox()
    box.settings(reuseValidation=True)
    _, reply, _ = issue(net, box)
    csr, _ = replace(net, box, reply["orderNumber"])
    assert box.wait_state(reply["orderNumber"] + "repl#1", "issued")["dcv"][0]["looked"] == "validated before"


def test_names_can_be_added_to_many(net):
    box = net.sandbox()
    many = {"product": 279, "dcvMethod": None, "omitAdditionalFQDN": None, "validationTokens": "ALLHTTPCSRHASH"}
    _, reply, _ = issue(net, box, "a.example.org", **many)
    names = ("a.example.org", "b.example.org")
    _, again = replace(net, box, reply["orderNumber"], *names, domainNames=",".join(names), dcvMethod=None,
                       omitAdditionalFQDN=None, validationTokens="ALLHTTPCSRHASH")
    assert again.code == 0
    order = box.wait_state(reply["orderNumber"] + "repl#1", "issued")
    assert order["certificates"][0]["names"] == "a.example.org,b.example.org"
    assert "commonName" not in order


def test_a_replacement_may_revoke(net):
    box = net.sandbox(push=True)
    box.settings(replacementRevokes=True)
    _, reply, _ = issue(net, box)
    net.receiver.next()
    replace(net, box, reply["orderNumber"])
    told = {(fields["orderNumber"], fields["status"]) for _, fields, _ in (net.receiver.next(), net.receiver.next())}
    assert told == {(reply["orderNumber"], "revoked"), (reply["orderNumber"] + "repl#1", "issued")}
    assert box.order(reply["orderNumber"])["state"] == "revoked"


def test_terms_are_longer_than_certificates(net):
    box = net.sandbox()
    for days in (365, 730, 1095, 1461, 1826):
        _, _, order = issue(net, box, days=days)
        certificate = order["certificates"][0]
        assert certificate["notAfter"] - certificate["notBefore"] == 199 * DAY
        assert order["days"] == days
    _, _, order = issue(net, box, product=291, days=30)
    assert order["debited"] == "0.00"
    assert abs(order["certificates"][0]["notAfter"] - order["placed"] - 30 * DAY) < 2


# ---- endings ----


def test_revocation_by_each_name(net):
    box = net.sandbox()
    for name in ("orderNumber", "certificateID", "serialNumber"):
        _, reply, order = issue(net, box)
        value = {"serialNumber": order["certificates"][0]["serial"].upper(), **dict(reply.fields)}[name]
        revoke = {name: value, "revocationReason": "moved", "codeReason": 5}
        assert box.call("AutoRevokeSSL", **revoke).lines[0] == "0"
        order = box.order(reply["orderNumber"])
        certificate = order["certificates"][0]
        assert (order["state"], certificate["revocationReasonCode"], certificate["revocationReason"]) == (
            "revoked", 5, "moved")
        assert box.call("AutoRevokeSSL", **revoke).lines[0] == "-21"
        assert box.collect(reply["orderNumber"]).code == -21


def test_revoking_what_is_not_issued_rejects_it(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    assert box.call("AutoRevokeSSL", orderNumber=number, revocationReason="no", responseFormat=1).code == 0
    assert box.order(number)["state"] == "rejected"
    assert box.call("AutoRevokeSSL", orderNumber=number, revocationReason="no", responseFormat=1).code == -20
    assert box.call("AutoRevokeSSL", orderNumber=number, responseFormat=1).code == -3
    assert box.call("AutoRevokeSSL", orderNumber=number, revocationReason="no", codeReason=2).code == -4
    assert box.call("AutoRevokeSSL", serialNumber="00ff", revocationReason="no").code == -4


def test_rejection(net):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    assert box.call("AutoReject", orderNumber=number, test="Y").code == 0
    assert box.order(number)["state"] == "pending"
    assert box.call("AutoReject", orderNumber=number).code == 0
    assert box.call("AutoReject", orderNumber=number).code == -20
    _, reply, _ = issue(net, box)
    assert box.call("AutoReject", orderNumber=reply["orderNumber"]).code == -4


def test_refunds(net):
    box = net.sandbox()
    _, reply, _ = issue(net, box)
    number = reply["orderNumber"]
    before = box.call("getAccountBalance", responseFormat=1)["balance"]
    refund = {"orderNumber": number, "refundReasonCode": 11}
    assert box.call("AutoRefund", **{**refund, "refundReasonCode": 12}).code == -4
    assert box.call("AutoRefund", orderNumber=number).code == -3
    assert box.call("AutoRefund", **refund).text == "errorCode=0"
    after = box.call("getAccountBalance", responseFormat=1)["balance"]
    assert float(after) - float(before) == 35.0
    again = box.call("AutoRefund", **refund)
    assert (again.code, again["errorMessage"]) == (-18, "This order has already been refunded")
    assert box.order(number)["state"] == "revoked" and replace(net, box, number)[1].code == -20
    many = box.apply(Csr(NAME), product=279, dcvMethod=None, omitAdditionalFQDN=None,
                     validationTokens="ALLHTTPCSRHASH")["orderNumber"]
    assert box.call("AutoRefund", orderNumber=many, refundReasonCode=1).code == -18


@pytest.mark.parametrize("reason", range(1, 12))
def test_every_reason_of_a_refund(net, reason):
    box = net.sandbox()
    number = box.apply(Csr(NAME))["orderNumber"]
    assert box.call("AutoRefund", orderNumber=number, refundReasonCode=reason).code == 0
    assert box.order(number)["state"] == "rejected"


# ---- DecodeCSR ----


def test_decoding_needs_no_login_and_may_be_a_get(net):
    box = net.sandbox()
    csr = Csr(NAME, cn=NAME)
    wanted = {"csr": csr.pem, "showCN": "Y", "showKeySize": "Y", "showCSRHashes2": "Y"}
    reply = box.post("/products/!DecodeCSR", wanted)
    assert reply.lines == ["0", f"CN={NAME}", "KeySize=256", f"md5={csr.md5}", f"sha256={csr.sha256}", ""]
    got = box.request("GET", "/products/!DecodeCSR?" + urllib.parse.urlencode(wanted))
    assert got.text == reply.text
    assert json.loads(box.post("/products/!DecodeCSR", {**wanted, "responseFormat": 2}).text)["sha256"] == csr.sha256
    assert f"<md5>{csr.md5}</md5>" in box.post("/products/!DecodeCSR", {**wanted, "responseFormat": 1}).text
    assert box.post("/products/!DecodeCSR", {"csr": "!"}).lines[0] == "-9"
    assert box.post("/products/!DecodeCSR", {}).lines[0] == "-3"
