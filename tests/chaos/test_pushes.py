"""Pushes that Sectigo never sent, or sent to somebody else, too early, too late, twice, in another order: nothing wrong is
delivered, and each issuance asks Sectigo at most once a minute, counted by Sectigo."""

import datetime

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from chaos_world import WAIT_S, ZONE, ChaosWorld, Order, check_agreement, wait_for
from world import PUSH_PASSWORD, PUSH_USER

ISSUED = {"status": "issued", "statusCode": "6"}
OLD = "an old certificate came instead of the new one"
NOT_ACCEPTED = "a certificate came that is not accepted; see acmegatectl order show, and ask Sectigo about it"
NOT_YET_MS = 3600 * 1000


def _far_polls(config):
    """Whatever asks Sectigo within an hour, a push made it ask."""
    config["profiles"][0].update(first_poll="1h", poll_interval="1h")


class Scene:
    """The world of this file, its client, and another client's certificate."""

    def __init__(self, world, responder):
        self.world, self.responder, self.client = world, responder, world.client()
        self.count = self.drains = 0
        self.probe = None
        self.foreign = self.issued("foreign")

    def names(self):
        self.count += 1
        return [f"push{self.count}.{ZONE}"]

    def place(self, issued, names=None, key=None):
        """An order that Sectigo has, issued (and nobody was told) or not before an hour has passed."""
        self.world.settings(issueDelayMs=0 if issued else NOT_YET_MS)
        order = Order(self.client, names or self.names(), self.responder, key)
        order.finalize()
        order.number = wait_for("the order number", lambda: self.shown(order).get("order_number"))
        order.certificate_id = self.shown(order)["certificate_id"]
        if issued:
            wait_for("the certificate", lambda: self.at_sectigo(order)["state"] == "issued")
        return order

    def at_sectigo(self, order):
        """A replacement's number is its family's."""
        [sold] = [sold for sold in self.world.ledger() if sold["foreignOrderNumber"] == self.shown(order)["id"]]
        return sold

    def issued(self, _what):
        order = self.place(True)
        assert self.world.push(orderNumber=order.number, **ISSUED) == 200
        order.wait_valid()
        order.chain = self.chain(order)
        return order

    def chain(self, order):
        return self.client.fetch(order.object()["certificate"]).text

    def shown(self, order):
        row = self.world.ctl("order", "show", order.id)["issuance"]
        return self.world.ctl("issuance", "show", row["id"])

    def begin(self):
        """From here on only what is asked about other orders than those of before counts: a push that came within a
        minute of a look makes one due at the end of that minute, which may be another test's. What is waited for in
        the log is written of an order 20 times a minute and no more, so now and then it is another order's."""
        if self.drains > 10:
            self.probe, self.drains = self.place(False), 0
        self.older = {number for order in self.world.ledger()
                      for number in (order["orderNumber"], *order["certificateIDs"])}

    def asked(self):
        """How often Sectigo was asked for a certificate or a status, but for orders of tests before this."""
        return len([call for call in self.world.calls() if call["call"] in ("CollectSSL", "GetDetailedOrderStatus")
                    and not {call.get("orderNumber"), call.get("certificateID")} & self.older])

    def pushed(self, **fields):
        """Pushes, and waits until it and all before it were taken: pushes are taken in their order, and the last one
        here is refused aloud. It is for an order of its own."""
        assert self.world.push(**fields) == 200

    def drain(self, looked=lambda: True):
        """Until every push is judged, and what it made due is done; looked: that much there is to be done."""
        probe = self.probe = self.probe or self.place(False)
        self.drains += 1
        seen = len([line for line in self.world.log() if line.get("msg") == NOT_ACCEPTED and
                    line.get("order_number") == probe.number])
        self.pushed(orderNumber=probe.number, **carry(self.foreign.chain))
        wait_for("all pushes taken", lambda: len([
            line for line in self.world.log() if line.get("msg") == NOT_ACCEPTED and
            line.get("order_number") == probe.number]) > seen)
        wait_for("the look", looked)  # which a push makes due in a commit of its own, after it was judged
        wait_for("no look is due", lambda: self.world.ctl("status")["jobs"]["due"] == 0)


def carry(chain):
    """The fields in which a push carries this chain."""
    end = "-----END CERTIFICATE-----\n"
    leaf, _, rest = chain.partition(end)
    return {"certificate": leaf + end, "caCertificate": rest, **ISSUED}


def self_made(names, key):
    """A certificate for the right names and the right key, by nobody."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=90))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
            .sign(key, hashes.SHA256()))
    return made.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    world = ChaosWorld(tmp_path_factory.mktemp("world"), learn="poll", change=_far_polls)
    try:
        with world.responder() as responder:
            scene = Scene(world, responder)
            scene.drain()
            yield scene
            check_agreement(world)
    finally:
        world.close()


@pytest.fixture(autouse=True)
def begin(request):
    if "scene" in request.fixturenames:
        request.getfixturevalue("scene").begin()


# ---- what a push may carry: name -> fields, of an order (with .old, an earlier certificate for its names and key) ----

BAD = {
    "foreign-certificate": lambda scene, order: carry(scene.foreign.chain),
    "self-made": lambda scene, order: {**carry(self_made(order.names, order.key)), "caCertificate": ""},
    "wrong-key": lambda scene, order: carry(order.other_key),
    "old-of-the-same-key": lambda scene, order: carry(order.old),
    "old-with-the-new-id": lambda scene, order: {**carry(order.old), "certificateID": order.certificate_id},
    "nothing": lambda scene, order: ISSUED,
    "no-certificate-at-all": lambda scene, order: {**ISSUED, "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                                   "-----END CERTIFICATE-----\n"},
    "failed": lambda scene, order: {"status": "failed", "statusCode": "5"},
    "rejected": lambda scene, order: {"status": "rejected", "statusCode": "3"},
    "revoked": lambda scene, order: {"status": "revoked", "statusCode": "8"},
}


def _order(scene, what, issued):
    """An order that is to be met by this push, with what the push needs."""
    if what not in ("wrong-key", "old-of-the-same-key", "old-with-the-new-id"):
        return scene.place(issued)
    names, key = scene.names(), ec.generate_private_key(ec.SECP256R1())
    earlier = scene.place(True, names, key)
    assert scene.world.push(orderNumber=earlier.number, **ISSUED) == 200
    earlier.wait_valid()
    old = scene.chain(earlier)
    order = scene.place(issued, names, None if what == "wrong-key" else key)
    order.old = order.other_key = old
    return order


@pytest.mark.parametrize("what", BAD)
def test_push_before_issuance_asks_once(scene, what):
    """Twenty of them: the order goes on waiting, and Sectigo is asked once (and once for the status where the push says
    that it failed)."""
    order = _order(scene, what, False)
    asked = scene.asked()
    for _ in range(20):
        scene.pushed(orderNumber=order.number, **BAD[what](scene, order))
    scene.drain(lambda: scene.asked() > asked)
    assert order.object()["status"] == "processing"
    assert 1 <= scene.asked() - asked <= (2 if what in ("failed", "rejected") else 1)


@pytest.mark.parametrize("what", BAD)
def test_push_after_issuance_delivers_the_right_one(scene, what):
    """It is issued, and only this push tells of it: the query that it makes due finds the right certificate."""
    order = _order(scene, what, True)
    asked = scene.asked()
    for _ in range(5):
        scene.pushed(orderNumber=order.number, **BAD[what](scene, order))
    leaf = order.wait_valid()
    scene.drain(lambda: scene.asked() > asked)
    assert scene.asked() - asked == 1
    if getattr(order, "old", None):
        assert leaf.serial_number != x509.load_pem_x509_certificate(order.old.encode()).serial_number


@pytest.mark.parametrize("what", ["foreign-certificate", "old-of-the-same-key", "nothing", "revoked"])
def test_late_push_changes_nothing(scene, what):
    order = _order(scene, what, True)
    scene.pushed(orderNumber=order.number, **ISSUED)
    order.wait_valid()
    chain = scene.chain(order)
    asked = scene.asked()
    for _ in range(3):
        scene.pushed(orderNumber=order.number, **BAD[what](scene, order))
    scene.drain()
    assert scene.asked() == asked
    assert scene.chain(order) == chain


def test_reordered_and_doubled(scene):
    order = scene.place(True)
    asked = scene.asked()
    statuses = [("failed", "5"), ("issued", "6"), ("awaiting", "2"), ("issued", "6"), ("received", "1"),
                ("rejected", "3"), ("issued", "6")]
    for status, code in statuses * 3:
        scene.pushed(orderNumber=order.number, status=status, statusCode=code)
    order.wait_valid()
    scene.drain(lambda: scene.asked() > asked)
    assert scene.asked() - asked == 1


@pytest.mark.parametrize("auth", [(PUSH_USER, "guess"), ("guess", PUSH_PASSWORD), None], ids=["password", "user", "none"])
def test_forged_push_is_not_even_read(scene, auth):
    order = scene.place(True)
    asked = scene.asked()
    with requests.Session() as session:
        session.trust_env = False
        for fields in ({"orderNumber": order.number, **ISSUED}, {"orderNumber": order.number,
                                                                 **carry(scene.foreign.chain)}):
            answer = session.post(scene.world.public_url + "/push/sectigo", data=fields, auth=auth, timeout=WAIT_S)
            assert answer.status_code == 401, answer.text
    scene.drain()
    assert scene.asked() == asked
    assert order.object()["status"] == "processing"


def test_foreign_numbers_ask_nothing(scene):
    """Also more of them than are kept."""
    order = scene.place(False)
    asked = scene.asked()
    with requests.Session() as session:
        session.trust_env = False
        for number in range(1100):
            answer = session.post(scene.world.public_url + "/push/sectigo", auth=(PUSH_USER, PUSH_PASSWORD),
                                  data={"orderNumber": str(77000000 + number), **ISSUED}, timeout=WAIT_S)
            assert answer.status_code == 200
    scene.drain()
    assert scene.asked() == asked
    assert order.object()["status"] == "processing"


@pytest.mark.parametrize("what", ["foreign-certificate", "nothing"])
def test_push_for_an_order_number_that_comes_later(scene, what):
    """Guessed: kept, and looked at when the number is known, which makes one query due and no more."""
    scene.world.settings(issueDelayMs=NOT_YET_MS)
    number = str(max(int(order["orderNumber"].partition("repl")[0]) for order in scene.world.ledger()) + 1)
    asked = scene.asked()
    for _ in range(5):
        scene.pushed(orderNumber=number, **BAD[what](scene, None))
    order = scene.place(False)
    assert order.number == number
    wait_for("a query", lambda: scene.asked() > asked)
    scene.drain(lambda: scene.asked() > asked)
    assert scene.asked() - asked == 1
    assert order.object()["status"] == "processing"


def test_real_push_overtakes_the_answer(make_world):
    world = make_world(ChaosWorld, learn="push-certificate", change=_far_polls)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "push-early", "seconds": 30, "times": 1})
    with world.responder() as responder:
        order = Order(world.client(), ["overtakes." + ZONE], responder)
        order.finalize()
        order.wait_valid()
    assert world.ask("ledger")["requests"]["CollectSSL"] == 0
    assert len(world.bought(order.names)) == 1
