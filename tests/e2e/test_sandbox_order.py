"""AutoApplyOrder at the sandbox: the reference's checks in their order, both response formats, products, money."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from sandbox_client import Csr, net, rsa_key, shared  # noqa: F401

NAME = "www.example.org"


def refused(reply, code, about=""):
    assert reply.status == 200
    assert reply.code == code, reply.text
    assert about in reply.get("errorMessage", ""), reply.text


def test_an_order_is_answered_in_both_formats(shared):
    first, second = Csr(NAME), Csr(NAME)
    url = shared.box.apply(first, uniqueValue="abc", showCertificateState="Y")
    assert url.type == "application/x-www-form-urlencoded"
    assert [name for name, _ in url.fields] == ["errorCode", "orderNumber", "totalCost", "expectedDeliveryTime",
                                                "certificateID", "certificateStatus", "uniqueValue"]
    lines = shared.box.apply(second, uniqueValue="abc", showCertificateState="Y", responseFormat=None)
    assert lines.type == "text/plain"
    assert lines.lines[0] == "0" and int(lines.lines[1]) == int(url["orderNumber"]) + 1
    assert lines.lines[2:] == ["35.00", "1", str(int(url["certificateID"]) + 1), url["certificateStatus"], "abc", ""]


def test_optional_lines_are_left_out(shared):
    reply = shared.box.apply(Csr(NAME), responseFormat=0, showCertificateID="N")
    assert len(reply.lines) == 5 and reply.lines[2:] == ["35.00", "1", ""]


def test_errors_are_answered_in_both_formats(shared):
    lines = shared.box.apply(Csr(NAME), responseFormat=0, days="")
    assert lines.lines == ["-3", "The 'days' argument is missing!", ""]
    refused(shared.box.apply(Csr(NAME), days=""), -3, "The 'days' argument is missing!")


def test_get_is_refused(shared):
    reply = shared.box.request("GET", "/products/!AutoApplyOrder?loginName=sandbox")
    assert reply.lines[:2] == ["-17", "Request used GET rather than POST!"]


def test_names_of_parameters_have_no_case(shared):
    csr = Csr(NAME)
    reply = shared.box.call("AutoApplyOrder", PRODUCT="287", DAYS=365, CSR=csr.pem, ServerSoftware=-1,
                            isCUSTOMERvalidated="N", dcvmethod="http_csr_hash".upper(), RESPONSEFORMAT=1)
    assert reply.code == 0, reply.text


@pytest.mark.parametrize("fields, code, about", [
    ({"bogus": "1"}, -2, "'bogus' is an unrecognised argument!"),
    ({"product": None}, -3, "'product'"),
    ({"days": None}, -3, "'days'"),
    ({"csr": None}, -3, "'csr'"),
    ({"serverSoftware": None}, -3, "'serverSoftware'"),
    ({"isCustomerValidated": None}, -3, "'isCustomerValidated'"),
    ({"dcvMethod": "EMAIL"}, -3, "'dcvEmailAddress'"),
    ({"dcvMethod": "EMAIL", "dcvEmailAddress": "me@example.org"}, -4, "'dcvEmailAddress'"),
    ({"dcvMethod": "IP_ADDRESS_PRE"}, -4, "'dcvMethod'"),
    ({"csr": Csr(cn="192.0.2.1").pem, "dcvMethod": "EMAIL", "dcvEmailAddress": "admin@example.org"}, -4, "'dcvMethod'"),
    ({"csr": Csr(cn="192.0.2.1").pem, "dcvMethod": "CNAME_CSR_HASH"}, -4, "'dcvMethod'"),
    ({"loginName": None}, -3, "'loginName'"),
    ({"loginPassword": None}, -3, "'loginPassword'"),
    ({"product": "99999"}, -4, "'product'"),
    ({"days": "soon"}, -4, "'days'"),
    ({"test": "X"}, -4, "'test'"),
    ({"uniqueValue": "no blanks!"}, -4, "'uniqueValue'"),
    ({"uniqueValue": "a" * 21}, -4, "'uniqueValue'"),
    ({"foreignOrderNumber": "x" * 65}, -4, "'foreignOrderNumber'"),
    ({"countryName": "QQ"}, -7, "'QQ' is not a valid ISO-3166 country!"),
    ({"loginPassword": "wrong"}, -16, "Permission denied!"),
    ({"loginName": "SANDBOX"}, -16, "Permission denied!"),
    ({"csr": "!!!"}, -9, "Base-64"),
    ({"csr": "AAAA"}, -10, "cannot be decoded"),
    ({"days": "366"}, -115, "No price"),
])
def test_what_is_wrong_is_refused(shared, fields, code, about):
    before = len(shared.box.ledger()["orders"])
    refused(shared.box.apply(Csr(NAME), **fields), code, about)
    shared.box.json("POST", "unlock")
    assert len(shared.box.ledger()["orders"]) == before


def test_checks_come_in_the_order_of_the_reference(shared):
    wrong = {"bogus": "1", "days": None, "uniqueValue": "!", "loginPassword": "wrong", "csr": "!!!"}
    for name, code in (("bogus", -2), ("days", -3), ("uniqueValue", -4), ("loginPassword", -16), ("csr", -9)):
        refused(shared.box.apply(Csr(NAME), **wrong), code)
        del wrong[name]
    assert shared.box.apply(Csr(NAME), **wrong).code == 0


def broken_signature():
    csr = Csr(NAME)
    der = bytearray(csr.der)
    der[-1] ^= 1
    return bytes(der)


def as_text(der):
    import base64
    return base64.b64encode(der).decode()


def test_csrs_are_looked_at(shared):
    refused(shared.box.apply(Csr(NAME, key=ed25519.Ed25519PrivateKey.generate(), digest=None)), -11)
    refused(shared.box.apply(Csr(NAME), csr=as_text(broken_signature())), -12)
    refused(shared.box.apply(Csr(NAME, key=rsa_key(1024))), -13)
    refused(shared.box.apply(Csr(NAME, key=ec.generate_private_key(ec.SECP224R1()))), -13)
    refused(shared.box.apply(Csr(NAME), csr=as_text(Csr(NAME).der + b"\0")), -10)
    for key in (rsa_key(2048), ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1())):
        assert shared.box.apply(Csr(NAME, key=key, digest=hashes.SHA384())).code == 0
    assert shared.box.apply(Csr(NAME), csr=as_text(Csr(NAME).der)).code == 0


def test_wildcards_belong_to_wildcard_products(shared):
    refused(shared.box.apply(Csr(cn="*.example.org")), -5)
    refused(shared.box.apply(Csr("*.example.org")), -5)
    refused(shared.box.apply(Csr(cn=NAME), product=289, dcvMethod="CNAME_CSR_HASH"), -6)
    refused(shared.box.apply(Csr(NAME), product=289, dcvMethod="CNAME_CSR_HASH"), -6)
    reply = shared.box.apply(Csr("*.example.org"), product=289, dcvMethod="CNAME_CSR_HASH")
    assert shared.box.order(reply["orderNumber"])["names"] == ["*.example.org", "example.org"]
    shared.box.settings(wildcardAddsBaseName=False)
    reply = shared.box.apply(Csr("*.example.org"), product=289, dcvMethod="CNAME_CSR_HASH")
    assert shared.box.order(reply["orderNumber"])["names"] == ["*.example.org"]
    shared.box.settings(wildcardAddsBaseName=True)


def test_a_token_is_taken_once(shared):
    csr = Csr(NAME)
    assert shared.box.apply(csr, uniqueValue="one").code == 0
    refused(shared.box.apply(csr, uniqueValue="one"), -55, "This Request Token is not unique!")
    assert shared.box.apply(csr, uniqueValue="two").code == 0


def test_a_unique_value_is_made_when_the_csr_is_used_again(shared):
    csr = Csr(NAME)
    assert shared.box.apply(csr).get("uniqueValue") is None
    made = shared.box.apply(csr)
    assert made.code == 0 and made["uniqueValue"].isalnum() and len(made["uniqueValue"]) <= 20
    lines = shared.box.apply(csr, responseFormat=0, showCertificateID="N").lines
    assert lines[4].isalnum() and lines[4] != made["uniqueValue"]


def test_a_foreign_order_number_is_taken_once_if_asked(shared):
    first = shared.box.apply(Csr(NAME), foreignOrderNumber="fon-1", checkFONIsUnique="Y")
    assert first.code == 0
    refused(shared.box.apply(Csr(NAME), foreignOrderNumber="fon-1", checkFONIsUnique="Y"), -4, "'foreignOrderNumber'")
    assert shared.box.apply(Csr(NAME), foreignOrderNumber="fon-1").code == 0
    report = shared.box.call("WebHostReport", foreignOrderNumber="fon-1")
    assert report["noOfResults"] == "2" and report["1_orderNumber"] == first["orderNumber"]


def test_a_csr_without_common_name_can_be_refused(shared):
    assert shared.box.order(shared.box.apply(Csr(NAME))["orderNumber"])["names"] == [NAME]
    shared.box.settings(csrWithoutCommonName="refuse")
    refused(shared.box.apply(Csr(NAME)), -8, "missing a required field")
    assert shared.box.apply(Csr(cn=NAME)).code == 0
    shared.box.settings(csrWithoutCommonName="accept")


@pytest.mark.parametrize("name, names", [
    ("example.org", ["example.org", "www.example.org"]),
    ("www.example.org", ["www.example.org", "example.org"]),
])
def test_single_products_add_a_name_unless_told_not_to(shared, name, names):
    reply = shared.box.apply(Csr(name), omitAdditionalFQDN=None)
    assert shared.box.order(reply["orderNumber"])["names"] == names
    reply = shared.box.apply(Csr(name), omitAdditionalFQDN="Y")
    assert shared.box.order(reply["orderNumber"])["names"] == [name]


MULTI = {"product": 279, "dcvMethod": None, "omitAdditionalFQDN": None}


def test_names_of_many_come_from_the_request_or_the_csr(shared):
    reply = shared.box.apply(Csr("a.example.org", "b.example.org"), validationTokens="ALLHTTPCSRHASH", **MULTI)
    order = shared.box.order(reply["orderNumber"])
    assert order["names"] == ["a.example.org", "b.example.org"]
    reply = shared.box.apply(Csr("a.example.org"), domainNames="c.example.org, d.example.org\ne.example.org",
                             validationTokens="HTTPCSRHASH CNAMECSRHASH,admin@example.org", **MULTI)
    order = shared.box.order(reply["orderNumber"])
    assert [(domain["name"], domain["method"]) for domain in order["dcv"]] == [
        ("c.example.org", "HTTP_CSR_HASH"), ("d.example.org", "CNAME_CSR_HASH"), ("e.example.org", "EMAIL")]
    assert order["dcv"][2]["email"] == "admin@example.org"


def test_names_of_many_must_agree_with_what_proves_them(shared):
    two = {"domainNames": "a.example.org,b.example.org", **MULTI}
    refused(shared.box.apply(Csr("a.example.org"), validationTokens="HTTPCSRHASH", **two), -4, "'validationTokens'")
    refused(shared.box.apply(Csr(), validationTokens="ALLHTTPCSRHASH", **MULTI), -3, "'domainNames'")
    refused(shared.box.apply(Csr("a.example.org"), domainNames="a..b", validationTokens="ALLHTTPCSRHASH", **MULTI),
            -4, "'domainNames'")
    shared.box.settings(csrNamesMustMatch=True)
    refused(shared.box.apply(Csr("x.example.org"), validationTokens="ALLHTTPCSRHASH", **two), -162)
    shared.box.settings(csrNamesMustMatch=False)


ORGANIZATION = {"organizationName": "Sectigo", "streetAddress1": "5 Becker Farm Road", "localityName": "Roseland",
                "stateOrProvinceName": "NJ", "postalCode": "07068", "countryName": "US", "joiCountryName": "US",
                "appRepForename": "John", "appRepSurname": "Smith", "appRepTelephone": "+1 555 0100",
                "businessCategory": "b"}
SINGLE_DV = [287, 330, 488, 721, 735, 749]
WILDCARD_DV = [289, 331, 489, 722, 736, 750]
MULTI_DV = [279, 492, 723, 737, 751]
TRIAL_DV = [291, 720, 734, 748]
SINGLE_OV, WILDCARD_OV = [7, 316, 726, 740, 63, 64], [35, 322, 727, 741, 65]
MULTI_OV = [361, 583, 728, 742, 335]
SINGLE_EV, MULTI_EV = [556, 567, 337, 731, 745, 562], [557, 568, 410, 732, 746, 563]


def organization_for(product):
    if product in SINGLE_EV + MULTI_EV:
        return ORGANIZATION
    if product in SINGLE_OV + WILDCARD_OV + MULTI_OV:
        return {name: value for name, value in ORGANIZATION.items() if not name.startswith(("joi", "business"))}
    return {}


@pytest.mark.parametrize("product", SINGLE_DV + WILDCARD_DV + MULTI_DV + TRIAL_DV + SINGLE_OV + WILDCARD_OV +
                         MULTI_OV + SINGLE_EV + MULTI_EV)
def test_every_certificate_can_be_bought(shared, product):
    wildcard = product in WILDCARD_DV + WILDCARD_OV
    many = product in MULTI_DV + MULTI_OV + MULTI_EV
    name = "*.example.org" if wildcard else NAME
    fields = {"dcvMethod": None, "omitAdditionalFQDN": None, "domainNames": f"{NAME},mail.example.org",
              "validationTokens": "ALLCNAMECSRHASH"} if many else {"dcvMethod": "CNAME_CSR_HASH"}
    if wildcard:
        fields["omitAdditionalFQDN"] = None
    reply = shared.box.apply(Csr(name), product=product, days=30 if product in TRIAL_DV else 365,
                             **{**organization_for(product), **fields})
    assert reply.code == 0, reply.text
    order = shared.box.order(reply["orderNumber"])
    assert order["product"] == str(product) and order["certificateID"] == reply["certificateID"]
    assert order["organizationValidationStatus"] == (0 if organization_for(product) else -1)
    assert order["evClickThroughStatus"] == (0 if product in SINGLE_EV + MULTI_EV else -1)


GUARDIAN = {"appRepLoginName": "me", "organizationName": "Sectigo", "appRepForename": "John",
            "appRepSurname": "Smith", "appRepEmailAddress": "john@example.org", "appRepCountryName": "US"}


def licence(box, product, days=365, **fields):
    """An order of a licence, of a customer of its own unless fields say otherwise."""
    licence.customers = getattr(licence, "customers", 0) + 1
    given = {"appRepEmailAddress": f"customer{licence.customers}@example.org"}
    if product.startswith(("586", "346", "349", "357", "341", "356")):
        given = {**GUARDIAN, **given, "organizationName": f"Customer {licence.customers}"}
    if product == "706,577,163":
        given = {**organization_for(7), **given, "csr": Csr(NAME).pem, "isCustomerValidated": "N", "offerType": 22}
    return box.call("AutoApplyOrder", **{"product": product, "days": days, "responseFormat": 1,
                                         "showCertificateID": "Y", **given, **fields})


@pytest.mark.parametrize("product, fields", [
    ("586,587", {}), ("346,329", {}), ("349,259", {}), ("341", {"days": 45}),
    ("586, 587, 356", {"IP Addresses": "10"}), ("357", {"appRepLoginPassword": "secret"}),
    ("700", {}), ("701", {}), ("702", {}), ("703", {}), ("1000", {}), ("1001", {}), ("1002", {}), ("1003", {}),
    ("706,577,163", {}),
])
def test_every_licence_can_be_bought(shared, product, fields):
    reply = licence(shared.box, product, **fields)
    assert reply.code == 0, reply.text
    order = shared.box.order(reply["orderNumber"])
    assert order["state"] == "fulfilled" and "certificateID" not in order
    assert shared.box.collect(reply["orderNumber"]).code == -4


def test_customers_of_a_service_must_renew(shared):
    first = licence(shared.box, "586,587", organizationName="Twice")
    assert first.code == 0
    assert licence(shared.box, "346,329", organizationName="twice").code == -57
    again = {"organizationName": "Twice", "previousOrderNumber": first["orderNumber"]}
    early = licence(shared.box, "586,587", **again)
    assert early.code == -56 and "Your current license expires on 20" in early["errorMessage"]
    assert licence(shared.box, "586,587", **{**again, "previousOrderNumber": "4711"}).code == -4
    assert licence(shared.box, "700", previousOrderNumber=first["orderNumber"]).code == -71
    short = licence(shared.box, "586,587,356", days=20, **{"IP Addresses": "10"})
    renewal = {"previousOrderNumber": short["orderNumber"], "IP Addresses": "5"}
    few = licence(shared.box, "586,587,356", **renewal)
    assert few.code == -60 and "Previously you have purchased 10 IP addresses." in few["errorMessage"]
    assert licence(shared.box, "586,587,356", **{**renewal, "IP Addresses": "10"}).code == 0
    trial = licence(shared.box, "341", days=45)
    assert licence(shared.box, "586,587", previousOrderNumber=trial["orderNumber"]).code == -45
    assert licence(shared.box, "700", appRepEmailAddress="me@example.org").code == 0
    assert licence(shared.box, "701", appRepEmailAddress="me@example.org").code == -63
    assert licence(shared.box, "1000", appRepEmailAddress="me@example.org").code == 0
    assert licence(shared.box, "1001", appRepEmailAddress="me@example.org").code == -122


def test_addresses_need_an_account_to_be_added_to(net):
    box = net.sandbox()
    pack = {"IP Addresses": "10"}
    assert licence(box, "356", **pack).code == -59
    assert licence(box, "586,587").code == 0
    assert licence(box, "356", appRepLoginName="somebody else", **pack).code == -59
    assert licence(box, "356", **pack).code == 0
    box.settings(licenceServiceCode=-66)
    refused(licence(box, "700"), -66, "CodeGuard partner is not activated.")
    assert box.apply(Csr(NAME)).code == 0


@pytest.mark.parametrize("product, code", [("287,289", -4), ("586", -4), ("700,701", -67), ("1000,1001", -82),
                                           ("577", -81)])
def test_what_cannot_be_bought_together_is_refused(shared, product, code):
    refused(shared.box.call("AutoApplyOrder", product=product, days=365, responseFormat=1, csr=Csr(NAME).pem,
                            appRepEmailAddress="john@example.org"), code)


def test_money_is_debited_and_runs_out(net):
    box = net.sandbox()
    box.settings(creditCents=8000)
    assert box.call("getAccountBalance", responseFormat=1)["balance"] == "80.00"
    assert box.apply(Csr(NAME))["totalCost"] == "35.00"
    assert box.apply(Csr(NAME), days=1095).code == -15
    assert box.apply(Csr(NAME), test="Y")["totalCost"] == "0.00"
    assert box.apply(Csr(NAME)).code == 0
    refused(box.apply(Csr(NAME)), -15, "Not enough credit!")
    assert box.call("getAccountBalance", responseFormat=1)["balance"] == "10.00"
    ledger = box.ledger()
    assert (ledger["purchases"], ledger["testPurchases"]) == (2, 1)
    assert [order["debited"] for order in ledger["orders"]] == ["35.00", "0.00", "35.00"]


def test_payment_can_be_asked_for(net):
    box = net.sandbox()
    box.settings(paymentRequired=True)
    reply = box.apply(Csr(NAME), dcvMethod="EMAIL", dcvEmailAddress="admin@example.org")
    assert reply.code == 1 and reply["totalCost"] == "35.00"
    assert box.collect(reply["orderNumber"]).code == -22
    assert box.order(reply["orderNumber"])["debited"] == "0.00"
    box.advance(reply["orderNumber"], step="payment")
    assert box.order(reply["orderNumber"])["debited"] == "35.00"
    assert box.collect(reply["orderNumber"]).code == 0


def test_a_login_is_locked_after_wrong_passwords(net, tmp_path):
    files = {}
    for name in ("one", "two"):
        files[name] = tmp_path / name
        files[name].write_text(f"{name}'s password\n")
    box = net.sandbox("--login", "one", "--password-file", files["one"], "--login", "two", "--password-file",
                      files["two"])
    box.login, box.password = "one", "one's password"
    box.settings(lockAfter=3)
    assert box.apply(Csr(NAME)).code == 0
    for _ in range(3):
        refused(box.apply(Csr(NAME), loginPassword="wrong"), -16, "account is locked")
    refused(box.apply(Csr(NAME)), -16)
    assert box.apply(Csr(NAME), loginName="two", loginPassword="two's password").code == 0
    box.json("POST", "unlock")
    assert box.apply(Csr(NAME)).code == 0
    assert [order["login"] for order in box.ledger()["orders"]] == ["one", "two", "one"]


def test_too_many_calls_are_refused(net):
    box = net.sandbox()
    box.settings(callLimitPerMinute=2)
    codes = [box.apply(Csr(NAME)).code for _ in range(4)]
    assert codes[-1] == -42 and codes.count(0) >= 2


def test_compromised_keys_are_refused(net):
    import hashlib

    from cryptography.hazmat.primitives import serialization
    csr = Csr(NAME)
    spki = csr.key.public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
    box = net.sandbox()
    box.settings(compromisedKeys=hashlib.sha256(spki).hexdigest())
    refused(box.apply(csr), -40)
    assert box.apply(Csr(NAME)).code == 0


def test_the_csr_may_bring_the_organisation(net):
    csr = Csr(NAME, subject=[(NameOID.ORGANIZATION_NAME, "From the CSR"), (NameOID.COUNTRY_NAME, "DE")])
    net.host(NAME)
    net.web.publish(csr)
    box = net.sandbox()
    reply = box.apply(csr, product=316, **organization_for(316))
    box.advance(reply["orderNumber"], step="organization")
    box.advance(reply["orderNumber"], step="callback")
    from cryptography import x509

    from sandbox_client import pem
    box.wait_state(reply["orderNumber"], "issued")
    certificate = x509.load_pem_x509_certificate(pem(box.collect(reply["orderNumber"])["certificate"]).encode())
    subject = {attribute.oid: attribute.value for attribute in certificate.subject}
    assert subject[NameOID.ORGANIZATION_NAME] == "From the CSR" and subject[NameOID.COUNTRY_NAME] == "DE"
    assert subject[NameOID.LOCALITY_NAME] == "Roseland"
