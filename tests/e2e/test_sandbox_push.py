"""Notifications of the sandbox: both forms, three attempts, what they say in each state, and their faults."""

from cryptography import x509

from sandbox_client import Csr, Receiver, Sandbox, net, wait_for  # noqa: F401

NAME = "www.example.org"


def issued(net, box, **fields):
    csr = Csr(NAME)
    net.host(NAME)
    net.web.publish(csr)
    return csr, box.apply(csr, **fields)


def test_without_certificate_it_is_a_get(net):
    box = net.sandbox(push=True, credentials="user:secret@")
    _, reply = issued(net, box)
    method, fields, authorization = net.receiver.next()
    assert method == "GET" and authorization == "Basic dXNlcjpzZWNyZXQ="
    assert fields == {"orderNumber": reply["orderNumber"], "certificateID": reply["certificateID"],
                      "status": "issued", "statusCode": "6", "statusDesc": "Valid"}
    assert net.receiver.none()


def test_with_certificate_it_is_a_post(net):
    box = net.sandbox("--push-certificate", push=True)
    csr, _ = issued(net, box)
    method, fields, _ = net.receiver.next()
    assert method == "POST"
    leaf = x509.load_pem_x509_certificate(fields["certificate"].encode())
    assert leaf.public_key().public_numbers() == csr.key.public_key().public_numbers()
    chain = fields["caCertificate"].split("-----END CERTIFICATE-----\n")
    assert len(chain) == 3
    intermediate = x509.load_pem_x509_certificate((chain[0] + "-----END CERTIFICATE-----\n").encode())
    assert leaf.issuer == intermediate.subject


def test_it_is_tried_three_times(net):
    net.receiver.statuses = [500, 503, 404, 200]
    box = net.sandbox(push=True)
    box.settings(pushRetryMs=20)
    _, reply = issued(net, box)
    for _ in range(3):
        net.receiver.next()
    assert net.receiver.none()
    notification = wait_for("the end", lambda: box.order(reply["orderNumber"])["notifications"][0]["done"]
                            and box.order(reply["orderNumber"])["notifications"][0])
    assert notification["attempts"] == 3 and "delivered" not in notification


def test_a_later_attempt_may_succeed(net):
    net.receiver.statuses = [500, 200]
    box = net.sandbox(push=True)
    box.settings(pushRetryMs=20)
    _, reply = issued(net, box)
    net.receiver.next()
    net.receiver.next()
    assert net.receiver.none()
    notification = wait_for("delivery", lambda: box.order(reply["orderNumber"])["notifications"][0])
    assert notification["attempts"] == 2


def test_undelivered_ones_outlive_a_kill(net):
    port = net.receiver.port
    net.receiver.close()
    box = net.sandbox(push=True)
    box.settings(pushRetryMs=1500)
    _, reply = issued(net, box)
    wait_for("one attempt", lambda: box.order(reply["orderNumber"])["notifications"]
             and box.order(reply["orderNumber"])["notifications"][0]["attempts"])
    box.stop(9)
    net.receiver = Receiver()
    box.arguments = [argument.replace(f":{port}/", f":{net.receiver.port}/") for argument in box.arguments]
    box.start()
    assert net.receiver.next()[1]["orderNumber"] == reply["orderNumber"]


def test_states_are_told(net):
    box = net.sandbox(push=True)
    _, reply = issued(net, box)
    number = reply["orderNumber"]
    net.receiver.next()
    box.advance(number, step="pre-revocation", reason="key compromise")
    fields = net.receiver.next()[1]
    assert fields["eventType"] == "PreRevocationNotification"
    box.advance(number, step="revoke", reason="by the authority", code=1)
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusCode"], fields["statusDesc"]) == ("revoked", "8", "Revoked")
    second = box.apply(Csr("other.example.org"))["orderNumber"]
    box.advance(second, step="brand-required")
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusCode"]) == ("awaitingbrandvalidation", "12")
    box.advance(second, step="reject", reason="Not today")
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusCode"], fields["statusDesc"]) == ("rejected", "7", "Rejected: Not today")
    third = box.apply(Csr("third.example.org"))["orderNumber"]
    box.advance(third, step="fail")
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusCode"]) == ("failed", "3")
    assert fields["statusDesc"] == "PRE-SIGN FAILED: CAA: Not authorized to issue"


def test_names_left_out_are_told(net):
    csr = Csr("example.org")
    net.host("example.org")
    net.web.publish(csr)
    box = net.sandbox(push=True)
    box.apply(csr, omitAdditionalFQDN="N")
    assert net.receiver.next()[1]["removedDomains"] == "www.example.org"


def test_faults_of_notifications(net):
    box = net.sandbox("--push-certificate", push=True)
    box.fault("push-drop")
    _, reply = issued(net, box)
    box.wait_state(reply["orderNumber"], "issued")
    assert net.receiver.none()
    box.fault("push-duplicate")
    _, reply = issued(net, box)
    assert net.receiver.next()[1] == net.receiver.next()[1]
    assert net.receiver.none()
    box.fault("push-delay", seconds=0.7)
    _, reply = issued(net, box)
    box.wait_state(reply["orderNumber"], "issued")
    assert net.receiver.none(0.2)
    net.receiver.next()
    box.fault("wrong-certificate")
    csr, reply = issued(net, box)
    pushed = x509.load_pem_x509_certificate(net.receiver.next()[1]["certificate"].encode())
    assert pushed.public_key().public_numbers() != csr.key.public_key().public_numbers()
    fired = box.json("GET", "faults")[1]["fired"]
    assert [one["action"] for one in fired] == ["push-drop", "push-duplicate", "push-delay", "wrong-certificate"]


def test_a_notification_may_overtake_the_answer(net):
    box = net.sandbox(push=True)
    box.fault("push-early")
    _, reply = issued(net, box)
    assert net.receiver.pushes.qsize() == 1
    assert net.receiver.next()[1]["orderNumber"] == reply["orderNumber"]


def test_organisation_and_extended_validation_are_told(net):
    from test_sandbox_order import ORGANIZATION
    box = net.sandbox(push=True)
    csr, reply = issued(net, box, product=337, **ORGANIZATION)
    number = reply["orderNumber"]
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusDesc"]) == ("click-through", "EV click-through e-mail sent")
    code = fields["verificationCode"]
    for step in ("organization", "callback", "clickthrough"):
        assert box.order(number)["state"] == "pending"
        assert box.advance(number, step=step)[0] == 200
    fields = net.receiver.next()[1]
    assert (fields["status"], fields["statusDesc"]) == ("verified", "Phone number verified")
    assert fields["verificationCode"] == code and fields["eventType"] == "CallBack"
    box.wait_state(number, "issued")
    assert net.receiver.next()[1]["status"] == "issued"
