"""Domain control as the sandbox looks at it: files, CNAME records, CAA, the schedule, and what is asked of it later."""

from sandbox_client import Csr, net, wait_for  # noqa: F401

NAME = "www.example.org"
FILE = "/.well-known/pki-validation/"


def patient(net):
    """A sandbox that looks once, and again only when told to."""
    box = net.sandbox()
    box.settings(lookFirstMs=3600000, lookMaxMs=3600000)
    return box


def wait_looked(box, number, times=1):
    return wait_for("a look", lambda: box.order(number)["dcv"][0]["attempts"] >= times and box.order(number))


def test_a_file_proves_a_name(net):
    csr = Csr(NAME)
    net.host(NAME)
    net.web.publish(csr, "abc")
    box = net.sandbox()
    order = box.wait_state(box.apply(csr, uniqueValue="abc")["orderNumber"], "issued")
    assert net.web.requests == [(NAME, f"{FILE}{csr.md5.upper()}.txt", "Sectigo DCV")]
    assert order["dcv"][0]["validated"] and order["dcv"][0]["attempts"] == 1
    assert "body as wanted" in order["dcv"][0]["looked"]


def test_a_wrong_file_proves_nothing(net):
    net.host(NAME)
    box = patient(net)
    for change in (lambda body: body.replace("sectigo.com", "example.com"), lambda body: body[1:],
                   lambda body: body + "\nextra", lambda body: body.upper(),
                   lambda body: (404, {}, body), lambda body: (302, {"Location": "/elsewhere"}, body)):
        csr = Csr(NAME)
        net.web.publish(csr)
        path = f"{FILE}{csr.md5.upper()}.txt"
        net.web.files["/elsewhere"] = net.web.files[path]
        net.web.files[path] = change(net.web.files[path])
        order = wait_looked(box, box.apply(csr)["orderNumber"])
        assert order["state"] == "pending" and not order["dcv"][0]["validated"]


def test_forms_of_a_right_file(net):
    net.host(NAME)
    box = patient(net)
    for change in (lambda body: body + "\n", lambda body: body.replace("\n", "\r\n"),
                   lambda body: body.replace("sectigo.com", "comodoca.com")):
        csr = Csr(NAME)
        net.web.publish(csr)
        path = f"{FILE}{csr.md5.upper()}.txt"
        net.web.files[path] = change(net.web.files[path])
        box.wait_state(box.apply(csr)["orderNumber"], "issued")


def test_it_looks_again_by_a_growing_schedule(net):
    csr = Csr(NAME)
    box = net.sandbox()
    box.settings(lookFirstMs=50, lookMaxMs=200)
    number = box.apply(csr)["orderNumber"]
    order = wait_looked(box, number, 4)
    assert "has no address" in order["dcv"][0]["looked"]
    net.web.publish(csr)
    net.host(NAME)
    assert box.wait_state(number, "issued")["dcv"][0]["attempts"] >= 5


def test_update_dcv_with_the_same_method_looks_at_once(net):
    csr = Csr(NAME)
    net.host(NAME)
    box = patient(net)
    number = box.apply(csr)["orderNumber"]
    wait_looked(box, number)
    net.web.publish(csr)
    reply = box.call("AutoUpdateDCV", orderNumber=number, newMethod="HTTP_CSR_HASH")
    assert reply.text == "errorCode=0"
    box.wait_state(number, "issued")
    assert box.call("AutoUpdateDCV", orderNumber=number, newMethod="HTTP_CSR_HASH").code == -47


def test_update_dcv_changes_the_method(net):
    csr = Csr(NAME, "mail.example.org")
    box = patient(net)
    number = box.apply(csr, product=279, dcvMethod=None, omitAdditionalFQDN=None,
                       validationTokens="ALLHTTPCSRHASH")["orderNumber"]
    wait_looked(box, number)
    net.dns.add(*csr.cname("example.org")[:1], "CNAME", csr.cname("example.org")[1])
    assert box.call("AutoUpdateDCV", orderNumber=number, domainName=NAME, newMethod="CNAME_CSR_HASH").code == 0
    wait_for("one name", lambda: box.order(number)["dcv"][0]["validated"])
    details = box.call("GetMDCDomainDetails", orderNumber=number)
    assert (details["1_domainName"], details["1_dcvMethod"], details["1_dcvStatus"]) == (
        NAME, "CNAME_CSR_HASH", "Validated")
    assert (details["2_dcvMethod"], details["2_dcvStatus"]) == ("HTTP_CSR_HASH", "Awaiting Validation")
    both = {"domainNames": f"{NAME} mail.example.org", "newMethods": "CNAME_CSR_HASH,CNAME_CSR_HASH"}
    assert box.call("AutoUpdateDCV", orderNumber=number, **both).code == 0
    box.wait_state(number, "issued")


def test_update_dcv_refuses_what_it_does_not_know(net):
    box = patient(net)
    number = box.apply(Csr(NAME))["orderNumber"]
    update = {"orderNumber": number, "newMethod": "HTTP_CSR_HASH"}
    reply = box.call("AutoUpdateDCV", responseFormat=1, **update)
    assert reply.code == -2 and "'responseFormat' is an unrecognised argument!" in reply["errorMessage"]
    assert box.call("AutoUpdateDCV", **{**update, "newMethod": "SMOKE"}).code == -4
    assert box.call("AutoUpdateDCV", **{**update, "orderNumber": "77"}).code == -4
    assert box.call("AutoUpdateDCV", orderNumber=number).code == -3
    assert box.call("AutoUpdateDCV", domainName="other.example.org", **update).code == -4


def test_a_record_proves_names_below_it(net):
    box = patient(net)
    for name, owner, proved in (("a.b.example.org", "a.b.example.org", True), ("a.b.example.org", "b.example.org", True),
                                ("a.b.example.org", "example.org", True), ("a.b.example.org", "org", False),
                                ("example.org", "www.example.org", False)):
        csr = Csr(name)
        record, target = csr.cname(owner, "u1")
        net.dns.add(record, "CNAME", target)
        number = box.apply(csr, dcvMethod="CNAME_CSR_HASH", uniqueValue="u1")["orderNumber"]
        assert wait_looked(box, number)["dcv"][0]["validated"] == proved, (name, owner)


def test_a_record_proves_a_wildcard_and_its_base(net):
    csr = Csr("*.example.org")
    record, target = csr.cname("example.org")
    net.dns.add(record, "CNAME", target)
    box = net.sandbox()
    order = box.wait_state(box.apply(csr, product=289, dcvMethod="CNAME_CSR_HASH",
                                     omitAdditionalFQDN=None)["orderNumber"], "issued")
    assert order["certificates"][0]["names"] == "*.example.org,example.org"


def test_a_wrong_record_proves_nothing(net):
    csr = Csr(NAME)
    record, _ = csr.cname("example.org")
    net.dns.add(record, "CNAME", "example.net.")
    box = patient(net)
    order = wait_looked(box, box.apply(csr, dcvMethod="CNAME_CSR_HASH")["orderNumber"])
    assert order["state"] == "pending" and "example.net" in order["dcv"][0]["looked"]


def test_an_additional_name_that_fails_is_left_out(net):
    csr = Csr("example.org")
    net.host("example.org")
    net.web.publish(csr)
    box = patient(net)
    order = box.wait_state(box.apply(csr, omitAdditionalFQDN="N")["orderNumber"], "issued")
    assert order["certificates"][0]["names"] == "example.org"
    assert [domain["removed"] for domain in order["dcv"]] == [False, True]
    net.host("www.example.org")
    csr = Csr("example.org")
    net.web.publish(csr)
    order = box.wait_state(box.apply(csr, omitAdditionalFQDN="N")["orderNumber"], "issued")
    assert order["certificates"][0]["names"] == "example.org,www.example.org"


def test_caa_forbids_and_the_check_can_be_run_again(net):
    csr = Csr(NAME)
    net.host(NAME)
    net.web.publish(csr)
    net.dns.add("example.org", "CAA", '0 issue "letsencrypt.org"')
    box = net.sandbox()
    number = box.apply(csr)["orderNumber"]
    order = box.wait_state(number, "failed")
    assert order["reason"] == "CAA: Not authorized to issue" and "CAA of example.org" in order["caaLooked"]
    net.dns.add("example.org", "CAA", '0 issue "letsencrypt.org"', '0 issue "sectigo.com; a=b"')
    reply = box.call("RetryCAACheck", orderNumber=number)
    assert (reply.code, reply["errorMessage"]) == (0, "CAA Check successfully relaunched")
    box.wait_state(number, "issued")
    assert box.call("RetryCAACheck", orderNumber=number).code == -42
    other = box.apply(Csr(NAME))["orderNumber"]
    assert box.call("RetryCAACheck", orderNumber=other).code == -296


def test_caa_issuewild_is_for_wildcards(net):
    net.dns.add("example.org", "CAA", '0 issue "sectigo.com"', '0 issuewild ";"')
    net.host(NAME)
    box = net.sandbox()
    csr = Csr(NAME)
    net.web.publish(csr)
    box.wait_state(box.apply(csr)["orderNumber"], "issued")
    csr = Csr("*.example.org")
    record, target = csr.cname("example.org")
    net.dns.add(record, "CNAME", target)
    box.wait_state(box.apply(csr, product=289, dcvMethod="CNAME_CSR_HASH",
                             omitAdditionalFQDN=None)["orderNumber"], "failed")


def test_a_failing_name_server_is_no_answer(net):
    csr = Csr(NAME)
    net.dns.failing.add(NAME)
    box = patient(net)
    order = wait_looked(box, box.apply(csr)["orderNumber"])
    assert order["state"] == "pending" and "could not be looked up" in order["dcv"][0]["looked"]


def test_email_waits_for_people(net):
    box = patient(net)
    number = box.apply(Csr(NAME), dcvMethod="EMAIL", dcvEmailAddress="admin@example.org")["orderNumber"]
    assert box.call("ResendDCVEmail", orderNumber=number, dcvEmailAddress="admin@example.org").text == "errorCode=0"
    assert box.call("ResendDCVEmail", orderNumber=number, dcvEmailAddress="someone@example.org").code == -4
    wait_looked(box, number)
    box.advance(number, step="dcv")
    box.call("AutoUpdateDCV", orderNumber=number, newMethod="EMAIL", newDCVEmailAddress="admin@example.org")
    box.settings(lookFirstMs=10)
    assert box.advance(number)[0] == 200
    box.wait_state(number, "issued")


def test_addresses_are_listed(net):
    box = net.sandbox()
    lines = box.call("GetDCVEmailAddressList", domainName="www.test-domain.org").text.split("\n")
    assert lines[:3] == ["0", "domain_name\twww.test-domain.org", "whois_email\tnone"]
    assert "level2_email\tadmin@test-domain.org" in lines and "level3_email\tadmin@www.test-domain.org" in lines
    assert box.call("GetDCVEmailAddressList", domainName="192.0.2.1").lines[0] == "-19"
    assert box.call("GetDCVEmailAddressList", domainName="no domain").lines[0] == "-4"
