"""What people change between two orders: keys, profiles, policies, logins, the store itself. Nothing is bought anew, and
nothing of a test login is replaced on a live one."""

import base64
import copy
import hashlib
import hmac
import json
import os
import shutil

import pytest

from acme_client import AcmeClient, EcKey, b64
from chaos_world import ZONE, ChaosWorld, Order, check_agreement, wait_for
from world import folder_of


def two_logins(config):
    """A live login, and beside it the same account with test=Y, whose orders chain to another root."""
    live, folder = config["logins"][0], folder_of(config)
    trial = {**copy.deepcopy(live), "name": "trial", "test": True,
             "trust_anchors": os.path.join(folder, "sandbox", "test-root.pem")}
    config["logins"].append(trial)
    config["profiles"].append({**copy.deepcopy(config["profiles"][0]), "name": "dv-test", "login": "trial"})


def keep(config):
    pass


def restart_with(world, client, change):
    world.stop_gateway()
    world.also = change
    world.write_config()
    world.start_gateway()
    client.reconnect()


def order(world, client, names, **members):
    with world.responder() as responder:
        one = Order(client, names, responder, **members)
    one.finalize()
    one.wait_valid()
    return one


def sold(world, names):
    """Of these names, in order: (kind, whether it was a test order, number of the family)."""
    return [(one["kind"], bool(one.get("test")), one["orderNumber"].partition("repl")[0]) for one in world.sold(names)]


def check_free(world, names, test=False):
    """The latest order was a replacement in the family that the first one of this login bought."""
    of_login = [one for one in sold(world, names) if one[1] == test]
    assert [one[0] for one in of_login] == ["purchase"] + ["replacement"] * (len(of_login) - 1), sold(world, names)
    assert len({one[2] for one in of_login}) == 1 and len(of_login) > 1, sold(world, names)


# ---- the configuration ----

def other_products(config):
    config["profiles"][0]["products"] = {"single": 287, "wildcard": 289, "multi": 492}


def other_term(config):
    config["profiles"][0]["days"] = 730


def other_preferences(config):
    config["profiles"][0].update(contact_email="other@acme.example", csr_without_cn="domain_names",
                                 first_poll="500ms", deadline="3d")


def another_default(config):
    config["profiles"].insert(0, {**copy.deepcopy(config["profiles"][0]), "name": "another"})
    config["default_profile"] = "another"


def other_instance(config):
    config["instance"] = "b"


def other_password_file(config):
    """The same password, in a file that a rotation has written."""
    path = config["logins"][0]["password_file"] + "-rotated"
    shutil.copy(config["logins"][0]["password_file"], path)
    config["logins"][0]["password_file"] = path


def more_anchors(config):
    """The next root beside the present one, as before a change of roots."""
    folder = folder_of(config)
    path = os.path.join(folder, "anchors.pem")
    with open(path, "w", encoding="ascii") as file:
        for name in ("test-root.pem", "root.pem"):
            with open(os.path.join(folder, "sandbox", name), encoding="ascii") as root:
                file.write(root.read())
    config["logins"][0]["trust_anchors"] = path


EDITS = [other_products, other_term, other_preferences, another_default, other_instance, other_password_file,
         more_anchors, two_logins]


def test_edited_configuration_buys_nothing_anew(make_world):
    """One after another, and all names again after each: the names of one product, a wildcard-free list, and both."""
    world = make_world(ChaosWorld, learn="both")
    client = world.client()
    lists = [["edited." + ZONE], ["edited." + ZONE, "edited2." + ZONE]]
    for names in lists:
        order(world, client, names, profile="dv")
    for edit in EDITS:
        restart_with(world, client, edit)
        for names in lists:
            order(world, client, names, profile="dv")
            check_free(world, names)
    assert [len(sold(world, names)) for names in lists] == [1 + len(EDITS)] * 2
    check_agreement(world)


# ---- keys ----

def _bound(world, key):
    client = AcmeClient(world.directory, world.pki.ca)
    url = client.directory["newAccount"]
    start = b64(json.dumps({"alg": "HS256", "kid": key["id"], "url": url}).encode())
    text = b64(json.dumps(client.key.jwk()).encode())
    mac = hmac.new(base64.urlsafe_b64decode(key["hmac_key"] + "="), f"{start}.{text}".encode(), hashlib.sha256).digest()
    answer = client.new_account(externalAccountBinding={"protected": start, "payload": text, "signature": b64(mac)})
    assert answer.status_code == 201, answer.text
    return client


def _roll_over(client):
    """Another key for the same account (RFC 8555 section 7.3.5)."""
    url, new = client.directory["keyChange"], EcKey()
    inner = client.jws(url, {"account": client.kid, "oldKey": client.key.jwk()}, key=new, use_jwk=True,
                       protected={"nonce": None})
    answer = client.post(url, inner)
    assert answer.status_code == 200, answer.text
    client.key = new


def test_rotated_keys_buy_nothing_anew(make_world):
    """Keys of certificates, of accounts, external account keys, and the listener's: a policy outlives them all."""
    world = make_world(ChaosWorld, learn="both", change=lambda config: config["acme"].update(
        external_account="required"))
    names = ["rotated." + ZONE]
    world.ctl("policy", "create", "web", "names=." + ZONE)
    first = world.ctl("eab", "create", "web")
    client = _bound(world, first)
    order(world, client, names)
    order(world, client, names)
    check_free(world, names)

    _roll_over(client)
    order(world, client, names)
    check_free(world, names)

    # Another machine of the fleet with another external account key; then the first key is taken away.
    other = _bound(world, world.ctl("eab", "create", "web"))
    order(world, other, names)
    check_free(world, names)
    world.ctl("eab", "disable", first["id"])
    order(world, other, names)
    check_free(world, names)

    # The policy itself is edited, and the gateway starts anew.
    world.ctl("policy", "set", "web", f"names=.{ZONE},other.example")
    world.restart_gateway()
    other.reconnect()
    order(world, other, names)
    check_free(world, names)
    check_agreement(world)


def test_another_policy_has_subscriptions_of_its_own(make_world):
    """That it fails, were the index to forget the policy: who may not share pays for himself."""
    world = make_world(ChaosWorld, learn="both", change=lambda config: config["acme"].update(
        external_account="required"))
    names = ["apart." + ZONE]
    for policy in ("web", "mail"):
        world.ctl("policy", "create", policy, "names=." + ZONE)
        order(world, _bound(world, world.ctl("eab", "create", policy)), names)
    assert [one[0] for one in sold(world, names)] == ["purchase", "purchase"]
    check_agreement(world, [names])


# ---- test and live ----

def test_test_and_live_login_side_by_side(make_world):
    """The same names of the same client on both: two families, which never meet, also when the order of them changes."""
    world = make_world(ChaosWorld, learn="both", change=two_logins)
    client = world.client()
    lists = {"test-first": ["dv-test", "dv"], "live-first": ["dv", "dv-test"]}
    for label, profiles in lists.items():
        names = [f"{label}.{ZONE}"]
        for profile in profiles * 3:
            order(world, client, names, profile=profile)
        check_free(world, names, test=True)
        check_free(world, names, test=False)
        assert {one[2] for one in sold(world, names) if one[1]}.isdisjoint(
            {one[2] for one in sold(world, names) if not one[1]})
    check_agreement(world, [[f"{label}.{ZONE}"] for label in lists])


def becomes_test(config):
    """Somebody turns test on in the login that has sold live certificates, and forgets the roots."""
    folder = folder_of(config)
    config["logins"][0].update(test=True, trust_anchors=os.path.join(folder, "sandbox", "test-root.pem"))


def test_login_is_turned_into_a_test_login_and_back(make_world):
    world = make_world(ChaosWorld, learn="both")
    client = world.client()
    names = ["turned." + ZONE]
    order(world, client, names)
    restart_with(world, client, becomes_test)
    for _ in range(2):
        order(world, client, names)
    restart_with(world, client, keep)
    order(world, client, names)
    check_free(world, names, test=False)
    check_free(world, names, test=True)
    assert [one[:2] for one in sold(world, names)] == [("purchase", False), ("purchase", True), ("replacement", True),
                                                       ("replacement", False)]
    check_agreement(world, [names])


# ---- the store ----

def restore(world, client):
    world.stop_gateway()
    shutil.rmtree(world.path("store"))
    os.rename(world.path("copy"), world.path("store"))
    world.start_gateway()
    client.reconnect()


def _login(world, name):
    return next(login for login in world.ctl("upstream", "status")["items"] if login["login"] == name)


def _reconcile(world, name):
    world.ctl("upstream", "reconcile", name)
    wait_for(f"{name} reconciled", lambda: _login(world, name)["reconciled_ms"])


@pytest.mark.lmdb("restores its backup")
def test_restored_backup_beside_a_test_login(make_world):
    """Bought since the backup, for the same names, with the live and with the test login: each finds its own again."""
    world = make_world(ChaosWorld, learn="both", change=two_logins)
    client = world.client()
    before, live, trial, both = ([f"{word}.{ZONE}"] for word in ("before", "live", "trial", "both"))
    order(world, client, before, profile="dv")
    world.ctl("backup", world.path("copy"))
    for names, profiles in ((live, ["dv"]), (trial, ["dv-test"]), (both, ["dv-test", "dv"]), (before, ["dv"])):
        for profile in profiles:
            order(world, client, names, profile=profile)
    restore(world, client)

    order(world, client, before, profile="dv")  # free, also before anybody has looked
    check_free(world, before)
    waiting = []
    with world.responder() as responder:
        for names, profile in ((live, "dv"), (both, "dv"), (both, "dv-test"), (trial, "dv-test")):
            waiting.append(Order(client, names, responder, profile=profile))
            waiting[-1].finalize()
    for one in waiting:
        wait_for("held", lambda one=one: world.ctl("order", "show", one.id)["issuance"]["state"] == "held")
    _reconcile(world, "main")
    _reconcile(world, "trial")
    for one in waiting:
        one.wait_valid()
    order(world, client, trial, profile="dv")
    for names in (live, both):
        check_free(world, names)
    for names in (trial, both):
        check_free(world, names, test=True)
    assert [one[:2] for one in sold(world, trial)] == [("purchase", True), ("replacement", True), ("purchase", False)]


@pytest.mark.lmdb("restores its backup")
@pytest.mark.parametrize("times", [2])
def test_restored_again_and_again(make_world, times):
    """Each restore forgets what the one before had found, and nothing is bought anew by any."""
    world = make_world(ChaosWorld, learn="both")
    client = world.client()
    names, later = ["again." + ZONE], ["later." + ZONE]
    order(world, client, names)
    world.ctl("backup", world.path("copy"))
    shutil.copytree(world.path("copy"), world.path("kept"))
    order(world, client, later)
    for _ in range(times):
        restore(world, client)
        _reconcile(world, "main")
        for one in (names, later):
            order(world, client, one)
            check_free(world, one)
        shutil.copytree(world.path("kept"), world.path("copy"))
    check_agreement(world)
