"""What happens between orders, pushes, logins and stops: nothing is bought twice, nothing wrong is delivered, and
Sectigo is not asked more than it has to be."""

import contextlib
import threading

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_client import AcmeClient, http_responder, make_csr
from dns_server import ZONE
from sandbox_client import wait_for
from world import PUSH_PASSWORD, PUSH_USER

ISSUED = {"status": "issued", "statusCode": "6"}
NEEDED = "an issuance needs a profile or login"
REFUSED_LOGIN = "Sectigo refuses this login"
NOT_ACCEPTED = "a certificate came that is not accepted; see acmegatectl order show, and ask Sectigo about it"


def at_once(config):
    """Finalize answers before anything is issued."""
    config["acme"]["hold_finalize"] = "0s"


def far_polls(config):
    """Nothing is asked for an hour, unless a push makes it due."""
    at_once(config)
    config["profiles"][0].update(first_poll="1h", poll_interval="1h")


def _session():
    session = requests.Session()
    session.trust_env = False
    return session


def _sandbox(world, what):
    with _session() as session:
        return session.get(f"{world.sandbox_url}/sandbox/{what}", verify=world.path("sandbox/tls-ca.pem"),
                           timeout=30).json()


def _asked(world, call):
    """How many requests of this call have reached Sectigo."""
    return _sandbox(world, "ledger")["requests"][call]


def _fired(world, endpoint=None):
    """The requests that a fault has met so far."""
    return [one for one in _sandbox(world, "faults")["fired"] if endpoint in (None, one["endpoint"])]


def _wait_on_wire(world, endpoint):
    wait_for(f"{endpoint} on the wire", lambda: _fired(world, endpoint))


def _kinds(world, names):
    """What Sectigo sold for exactly these names, in its order."""
    return [order["kind"] for order in world.ledger() if sorted(order["names"]) == sorted(names)]


def _client(world):
    client = AcmeClient(world.directory, world.pki.ca)
    assert client.new_account().status_code == 201
    return client


def _ready(world, client, *lists):
    """[(order URL, order)] that wait for their CSR, one for each list of names."""
    with http_responder(world.ports["http01"]) as responder:
        return [client.ready_order(names, responder) for names in lists]


def _finalize(client, order, names, key=None):
    """Finalizes with a key of its own unless one is given; the key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    answer = client.finalize(order, make_csr(names, key))
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] in ("processing", "valid"), answer.text
    return key


def _public(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check(pem, names, key):
    """The chain is for these names and this key; its leaf's serial number."""
    leaf = x509.load_pem_x509_certificate(pem.encode())
    assert _public(leaf.public_key()) == _public(key.public_key())
    given = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(given.get_values_for_type(x509.DNSName)) == sorted(names)
    return leaf.serial_number


def _submitted(world, client, names, key=None):
    """(order URL, key, Sectigo's number) of an order that Sectigo has, and the gateway knows it."""
    [(url, order)] = _ready(world, client, names)
    key = _finalize(client, order, names, key)
    line = world.wait_log(lambda line: line.get("msg") == "issuance is submitted"
                          and line["order"] == order["finalize"].split("/")[-2])
    return url, key, line["order_number"]


def _issued(world):
    """The stand-in's newest order, once its certificate is there."""
    def look():
        order = world.ledger()[-1]
        return order if order["state"] == "issued" else None
    return wait_for("the certificate", look)


def _carry(pem):
    """The fields in which a push carries this chain."""
    end = "-----END CERTIFICATE-----\n"
    leaf, _, chain = pem.partition(end)
    return {"certificate": leaf + end, "caCertificate": chain, **ISSUED}


def _push(world, session=None, user=PUSH_USER, password=PUSH_PASSWORD, **fields):
    """The status that answers a push of these fields."""
    with contextlib.ExitStack() as stack:
        session = session or stack.enter_context(_session())
        return session.post(world.public_url + "/push/sectigo", data=fields, auth=(user, password),
                            timeout=20).status_code


@contextlib.contextmanager
def _flood(world, pause=0.0, **fields):
    """Pushes from four sides, also while the gateway is down."""
    over = threading.Event()

    def run():
        with _session() as session:
            while not over.is_set():
                try:
                    _push(world, session, **fields)
                    over.wait(pause)
                except requests.exceptions.RequestException:
                    over.wait(0.01)

    runners = [threading.Thread(target=run) for _ in range(4)]
    for one in runners:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in runners:
            one.join()


# ---- the same names again ----


@pytest.mark.parametrize("labels", [["again"], ["www.again"], ["one", "two", "three"]], ids="-".join)
def test_same_names_again_with_new_keys_are_replacements(make_world, labels):
    world = make_world()
    names = [f"{label}.{ZONE}" for label in labels]
    client, serials = _client(world), set()
    for _ in range(3):
        [(url, order)] = _ready(world, client, names)
        key = _finalize(client, order, names)
        serials.add(_check(client.certificate(url), names, key))
    assert len(serials) == 3
    assert _kinds(world, names) == ["purchase", "replacement", "replacement"], world.ledger()
    assert len(world.ledger()) == 3
    assert (_asked(world, "AutoApplyOrder"), _asked(world, "AutoReplaceSSL")) == (1, 2)


def test_same_key_attaches_to_a_request_on_the_wire(make_world):
    world = make_world(change=at_once)
    names = ["attach." + ZONE]
    client = _client(world)
    (first, first_order), (second, second_order) = _ready(world, client, names, names)
    world.set_faults({"endpoint": "AutoApplyOrder", "action": "delay", "seconds": 2, "times": 1})
    key = _finalize(client, first_order, names)
    _wait_on_wire(world, "AutoApplyOrder")
    _finalize(client, second_order, names, key)
    serials = {_check(client.certificate(url, 20), names, key) for url in (first, second)}
    assert len(serials) == 1
    assert _kinds(world, names) == ["purchase"], world.ledger()
    # The answer was taken as it came: nothing had to be settled.
    assert _asked(world, "AutoApplyOrder") == 1 and _settled(world) == 0


def test_two_accounts_finalize_the_same_names_at_once(make_world):
    world = make_world(change=at_once)
    names = ["rivals." + ZONE]
    clients = [_client(world) for _ in range(2)]
    orders = [_ready(world, client, names)[0] for client in clients]
    keys, together = [None, None], threading.Barrier(2)

    def finalize(i):
        together.wait(20)
        keys[i] = _finalize(clients[i], orders[i][1], names)

    runners = [threading.Thread(target=finalize, args=(i,)) for i in range(2)]
    for one in runners:
        one.start()
    for one in runners:
        one.join()
    serials = {_check(client.certificate(url), names, key)
               for client, (url, _), key in zip(clients, orders, keys)}
    assert len(serials) == 2
    assert _kinds(world, names) == ["purchase", "replacement"], world.ledger()


# ---- pushes ----


def test_pushes_during_a_slow_collect_ask_no_more(make_world):
    world = make_world(learn="poll", change=far_polls)
    names = ["hammer." + ZONE]
    client = _client(world)
    url, key, number = _submitted(world, client, names)
    _issued(world)
    world.set_faults({"endpoint": "CollectSSL", "action": "delay", "seconds": 2, "times": -1})
    with _flood(world, pause=0.02, orderNumber=number, **ISSUED):
        _check(client.certificate(url, 20), names, key)
    assert 1 <= _asked(world, "CollectSSL") <= 2
    assert _kinds(world, names) == ["purchase"], world.ledger()


def test_pushes_before_issuance_ask_once_a_minute(make_world):
    world = make_world(learn="poll", issue_delay=3600, change=far_polls)
    names = ["early." + ZONE]
    client = _client(world)
    url, _, number = _submitted(world, client, names)
    assert _push(world, orderNumber=number, **ISSUED) == 200
    wait_for("CollectSSL", lambda: _asked(world, "CollectSSL"))
    with _session() as session:
        for _ in range(100):
            assert _push(world, session, orderNumber=number, **ISSUED) == 200
    # Pushes are taken in their order, so that when this one was refused all others have been seen.
    with open(world.root, encoding="ascii") as root:
        assert _push(world, orderNumber=number, certificate=root.read(), **ISSUED) == 200
    world.wait_log(lambda line: line.get("msg") == NOT_ACCEPTED)
    assert _asked(world, "CollectSSL") == 1
    assert client.fetch(url).json()["status"] == "processing"


def test_forged_pushes_deliver_nothing(make_world):
    world = make_world(learn="poll", change=far_polls)
    client = _client(world)
    names, other = ["mine." + ZONE], ["theirs." + ZONE]
    other_url, _, other_number = _submitted(world, client, other)
    _issued(world)
    assert _push(world, orderNumber=other_number, **ISSUED) == 200
    foreign = _carry(client.certificate(other_url))
    asked = _asked(world, "CollectSSL")

    url, key, number = _submitted(world, client, names)
    _issued(world)
    assert _push(world, password="guess", orderNumber=number, **foreign) == 401
    assert _push(world, user="guess", orderNumber=number, **ISSUED) == 401
    assert _push(world, orderNumber="987654321", certificateID="987654321", **foreign) == 200
    assert client.fetch(url).json()["status"] == "processing"
    assert _asked(world, "CollectSSL") == asked

    # The wrong certificate is not taken, and makes the gateway ask for the right one.
    assert _push(world, orderNumber=number, **foreign) == 200
    line = world.wait_log(lambda line: line.get("msg") == NOT_ACCEPTED)
    assert line["order_number"] == number
    _check(client.certificate(url), names, key)
    assert _asked(world, "CollectSSL") == asked + 1
    assert _kinds(world, names) == ["purchase"], world.ledger()


def test_push_from_an_unlisted_address_is_refused(make_world):
    def change(config):
        far_polls(config)
        config["public"]["push"]["allow"] = ["192.0.2.1"]

    world = make_world(learn="poll", change=change)
    names = ["unlisted." + ZONE]
    client = _client(world)
    url, key, number = _submitted(world, client, names)
    _issued(world)
    assert _push(world, orderNumber=number, **ISSUED) == 403
    assert client.fetch(url).json()["status"] == "processing"
    assert _asked(world, "CollectSSL") == 0
    world.stop_gateway()
    world.change = at_once
    world.write_config()
    world.start_gateway()
    client.reconnect()
    assert _push(world, orderNumber=number, **ISSUED) == 200
    _check(client.certificate(url), names, key)


def test_old_certificate_of_a_reused_key_is_not_delivered_again(make_world):
    """certbot --reuse-key: the old certificate fits key and names of the new order in every respect but its age."""
    world = make_world(learn="poll", change=far_polls)
    names = ["reuse." + ZONE]
    client = _client(world)
    url, key, number = _submitted(world, client, names)
    _issued(world)
    assert _push(world, orderNumber=number, **ISSUED) == 200
    old = client.certificate(url)

    url, _, number = _submitted(world, client, names, key)
    certificate_id = _issued(world)["certificateID"]
    assert _push(world, orderNumber=number, certificateID=certificate_id, **_carry(old)) == 200
    world.wait_log(lambda line: line.get("msg") == "an old certificate came instead of the new one")
    assert _check(client.certificate(url), names, key) != _check(old, names, key)
    assert _kinds(world, names) == ["purchase", "replacement"], world.ledger()


# ---- a login that Sectigo refuses ----


def _wait_not_sent(world, count):
    """Until requests have been kept back this often."""
    seen = []

    def is_last(line):
        if line.get("reason", "").startswith("not sent: Sectigo refused the login"):
            seen.append(line)
        return len(seen) == count

    world.wait_log(is_last)


def test_refused_login_is_not_used_for_waiting_orders(make_world):
    world = make_world(change=at_once)
    lists = [[f"locked{i}." + ZONE] for i in range(5)]
    client = _client(world)
    orders = _ready(world, client, *lists)
    world.set_faults({"endpoint": "*", "action": "code:-16", "times": -1})
    keys = [_finalize(client, orders[0][1], lists[0])]
    world.wait_log(lambda line: line.get("msg", "").startswith(REFUSED_LOGIN))
    keys += [_finalize(client, order, names) for (_, order), names in zip(orders[1:], lists[1:])]
    _wait_not_sent(world, len(lists) - 1)
    assert len(_fired(world)) == 1
    assert [client.fetch(url).json()["status"] for url, _ in orders] == ["processing"] * len(orders)
    assert not world.ledger()

    # The operator has mended the login: those that had not been refused themselves go on at once.
    world.stop_gateway()
    with _session() as session:
        session.delete(world.sandbox_url + "/sandbox/faults", verify=world.path("sandbox/tls-ca.pem"))
    world.start_gateway()
    client.reconnect()
    for (url, _), names, key in list(zip(orders, lists, keys))[1:]:
        _check(client.certificate(url, 30), names, key)
        assert _kinds(world, names) == ["purchase"], world.ledger()


def test_refused_login_is_not_used_for_collecting(make_world):
    """The calls that queued behind the one that was refused do not leave either."""
    def change(config):
        at_once(config)
        config["profiles"][0].update(first_poll="3s", poll_interval="3h")

    world = make_world(learn="poll", issue_delay=3600, change=change)
    lists = [[f"waits{i}." + ZONE] for i in range(5)]
    client = _client(world)
    orders = _ready(world, client, ["later." + ZONE], *lists)
    # The first one takes so long that all others queue behind it.
    world.set_faults({"endpoint": "CollectSSL", "action": "delay", "seconds": 3, "times": 1},
                     {"endpoint": "CollectSSL", "action": "code:-16", "times": -1})
    for (_, order), names in zip(orders[1:], lists):
        _finalize(client, order, names)
    world.wait_log(lambda line: line.get("msg", "").startswith(REFUSED_LOGIN))
    _finalize(client, orders[0][1], ["later." + ZONE])
    _wait_not_sent(world, 1)
    assert len(_fired(world)) == 2
    assert world.bought(["later." + ZONE]) == []
    assert [client.fetch(url).json()["status"] for url, _ in orders] == ["processing"] * len(orders)
    assert _sandbox(world, "ledger")["concurrentCollects"] == 0


# ---- a configuration that no longer knows what an issuance needs ----


def other_profile(config):
    far_polls(config)
    config["profiles"][0]["name"] = config["default_profile"] = "renamed"


def other_login(config):
    far_polls(config)
    config["logins"][0]["name"] = config["profiles"][0]["login"] = "renamed"


def other_endpoint(config):
    far_polls(config)
    config["logins"][0]["url"] = config["logins"][0]["url"].replace("127.0.0.1", "localhost")


def _restart_with(world, client, change):
    if world.gateway:
        world.stop_gateway()
    world.change = change
    world.write_config()
    world.start_gateway()
    client.reconnect()


@pytest.mark.parametrize("change", [other_profile, other_login, other_endpoint])
def test_configuration_is_changed_while_an_order_waits(make_world, change):
    world = make_world(learn="poll", change=far_polls)
    names = ["parted." + ZONE]
    client = _client(world)
    url, key, number = _submitted(world, client, names)
    _issued(world)

    _restart_with(world, client, change)
    gateway = world.gateway
    with _session() as session:
        for _ in range(20):
            assert _push(world, session, orderNumber=number, **ISSUED) == 200
    world.wait_log(lambda line: line.get("msg", "").startswith(NEEDED))
    assert client.fetch(url).json()["status"] == "processing"
    world.stop_gateway()
    assert not world.problems
    # Each push says so once, and so does the job.
    assert len([line for line in gateway.lines if NEEDED in line]) <= 21
    assert _asked(world, "CollectSSL") == 0

    _restart_with(world, client, far_polls)
    assert _push(world, orderNumber=number, **ISSUED) == 200
    _check(client.certificate(url), names, key)
    assert _kinds(world, names) == ["purchase"], world.ledger()


def _settled(world):
    """How often the report was asked about one order; after each start it is asked about all of a week."""
    return len([call for call in world.calls() if call["call"] == "WebHostReport" and call.get("foreignOrderNumber")])


def orders_asked(world):
    """How often each call was made, but for those that every start makes."""
    return {**_sandbox(world, "ledger")["requests"], "getAccountBalance": None, "WebHostReport": _settled(world)}


@pytest.mark.parametrize("state", ["published", "submitting", "submitting-sent"])
def test_endpoint_is_changed_before_a_purchase_is_known(make_world, state):
    world = make_world(learn="poll", change=at_once)
    names = ["moved." + ZONE]
    client = _client(world)
    [(url, order)] = _ready(world, client, names)
    world.stop_gateway()
    world.start_gateway(stop_at=state)
    client.reconnect()
    with contextlib.suppress(requests.exceptions.ConnectionError):
        key = ec.generate_private_key(ec.SECP256R1())
        client.finalize(order, make_csr(names, key))
    world.wait_gateway_killed()
    asked = orders_asked(world)

    _restart_with(world, client, other_endpoint)
    gateway = world.gateway
    world.wait_log(lambda line: line.get("msg", "").startswith(NEEDED))
    assert client.fetch(url).json()["status"] == "processing"
    world.stop_gateway()
    assert not world.problems
    assert len([line for line in gateway.lines if NEEDED in line]) == 1
    assert orders_asked(world) == asked

    def back(config):
        at_once(config)
        config["issuance"]["resend"] = "2s"

    _restart_with(world, client, back)
    _check(client.certificate(url), names, key)
    assert _kinds(world, names) == ["purchase"], world.ledger()


# ---- stopping ----


@pytest.mark.parametrize("endpoint", ["AutoApplyOrder", "CollectSSL"])
def test_stop_with_a_call_on_the_wire_and_pushes_coming_in(make_world, endpoint):
    world = make_world(learn="both", change=at_once)
    names = ["stopped." + ZONE]
    client = _client(world)
    # The push would be there before the poll.
    world.set_faults({"endpoint": endpoint, "action": "delay", "seconds": 2, "times": 1},
                     {"endpoint": "AutoApplyOrder", "action": "push-drop", "times": 1})
    [(url, order)] = _ready(world, client, names)
    key = _finalize(client, order, names)
    _wait_on_wire(world, endpoint)
    number = world.ledger()[0]["orderNumber"] if endpoint == "CollectSSL" else "1000000"
    with _flood(world, orderNumber=number, **ISSUED):
        world.stop_gateway()
        assert not world.problems
        world.start_gateway()
    client.reconnect()
    _check(client.certificate(url), names, key)
    assert _kinds(world, names) == ["purchase"], world.ledger()
    assert _asked(world, "AutoApplyOrder") == 1


def test_stops_again_and_again_while_orders_are_on_their_way(make_world):
    """Wherever the stop meets them."""
    world = make_world(learn="both", change=at_once)
    lists = [[f"stop{i}." + ZONE] for i in range(4)]
    client = _client(world)
    orders = _ready(world, client, *lists)
    keys = []
    with _flood(world, orderNumber="1000000", **ISSUED):
        for (_, order), names in zip(orders, lists):
            keys.append(_finalize(client, order, names))
            world.restart_gateway()
            assert not world.problems
            client.reconnect()
        for (url, _), names, key in zip(orders, lists, keys):
            _check(client.certificate(url), names, key)
    for names in lists:
        assert _kinds(world, names) == ["purchase"], world.ledger()
