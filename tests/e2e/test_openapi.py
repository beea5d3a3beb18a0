"""/openapi.json against what is really there: every route and no other, who may have it, what it takes and answers."""

import copy
import http.client
import json
import re
import socket

import jsonschema
import pytest

from acme_client import AcmeClient, http_responder, make_csr
from admin_api import AdminWorld
from dns_server import ZONE
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_policy import bound_client

ROLES = ("read", "operate", "admin")
METHODS = ("get", "post", "delete", "put", "patch", "options", "head", "trace")
ABSENT = "absent"  # an id, name or login of nothing


def _change(config):
    config["acme"]["hold_finalize"] = "0s"
    config["logins"][0]["low_credit"] = "1"
    config["notify"] = {"targets": [{"name": "chat", "program": "/bin/true"}]}
    config["spending"] = {"purchases_per_day": 50, "amount_per_month": "5000"}
    config["profiles"][0]["prices"] = {"single": "10", "wildcard": "50", "multi": "30", "extra_name": "5"}


def _order(world, client, name):
    """The id of an order that is finalized, and its URL."""
    with http_responder(world.ports["http01"]) as responder:
        url, order = client.ready_order([name], responder)
        assert client.finalize(order, make_csr([name])).status_code == 200
    return url.rsplit("/", 1)[1], url


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One of each: a certificate, orders that are under way, waiting and refused, a policy with a key, a token."""
    one = AdminWorld(tmp_path_factory.mktemp("world"), change=_change)
    try:
        one.tokens = {role: one.token(role, f"the-{role}") for role in ROLES}
        ctl(one, "policy", "create", "shop", "names=." + ZONE, "purchases_per_day=50")
        key = ctl_json(one, "eab", "create", "shop", "note=of the shop")
        one.client, one.key = bound_client(one, key), key["id"]
        one.valid, url = _order(one, one.client, "valid." + ZONE)
        assert "BEGIN CERTIFICATE" in one.client.certificate(url)
        one.set_settings(issueDelayMs=3600000)
        one.busy, _ = _order(one, one.client, "busy." + ZONE)
        one.dropped, _ = _order(one, one.client, "dropped." + ZONE)
        for order in (one.busy, one.dropped):
            wait_for("the purchase", lambda order=order:
                     ctl_json(one, "order", "show", order)["issuance"]["state"] == "submitted")
        one.pending = one.client.try_order(["pending." + ZONE]).headers["Location"].rsplit("/", 1)[1]
        stranger = AcmeClient(one.directory, one.pki.ca)
        assert stranger.new_account().status_code == 201
        one.order_by_hand("hand." + ZONE, make_csr(["hand." + ZONE]), omitAdditionalFQDN="Y")
        one.document = one.ask("GET", "/openapi.json", one.tokens["read"]).json()
        yield one
    finally:
        one.close()


def _operations(document):
    """[(method, path, operation)]"""
    return [(method.upper(), path, operation) for path, item in document["paths"].items()
            for method, operation in item.items()]


def _role(operation):
    """The one that the route wants, the same for a token and for a session."""
    role, = {role for way in operation["security"] for roles in way.values() for role in roles}
    return role


def _resolve(document, node, strict):
    """The schema without references; strict: nothing but what it names."""
    if isinstance(node, list):
        return [_resolve(document, one, strict) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolve(document, document["components"]["schemas"][node["$ref"].rsplit("/", 1)[1]], strict)
    if "allOf" in node:  # a page, and what its items are
        base, more = (_resolve(document, one, False) for one in node["allOf"])
        node = {**base, "properties": {**base["properties"], **more["properties"]}}
    node = {key: _resolve(document, value, strict) for key, value in node.items()}
    if strict and "properties" in node:
        node.setdefault("additionalProperties", False)
    return node


def _schema(document, holder):
    return _resolve(document, holder["content"]["application/json"]["schema"], True)


# ---- the document itself ----

def test_it_is_a_description(world):
    document = world.document
    assert document["openapi"] == "3.1.0" and set(document) == {"openapi", "info", "paths", "components"}
    assert set(document["components"]) == {"schemas", "securitySchemes"}
    operations = _operations(document)
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids) > 50 and "post_orders_id_retry" in ids
    for method, path, operation in operations:
        assert method.lower() in METHODS and path.startswith("/") and operation["summary"]
        assert set(operation["responses"]) == {"200", "default"}
        inside = {p["name"] for p in operation["parameters"] if p["in"] == "path" and p["required"]}
        assert inside == set(re.findall(r"{(\w+)}", path)), path
        for way in operation["security"]:
            assert set(way) <= set(document["components"]["securitySchemes"])
        assert any("csrf" in way for way in operation["security"]) == (method != "GET")
    for name in document["components"]["schemas"]:
        schema = _resolve(document, {"$ref": f"#/components/schemas/{name}"}, True)
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_schema_is_of_use(world):
    named = set(re.findall(r"#/components/schemas/(\w+)", str(world.document)))
    assert named == set(world.document["components"]["schemas"])


def test_the_socket_says_the_same(world):
    assert ctl_json(world, "policy", "list")["items"]
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(world.path("admin.sock"))
    connection.request("GET", "/openapi.json")
    assert json.loads(connection.getresponse().read()) == world.document
    connection.close()


# ---- who may have what ----

def _call(world, role, method, path, operation, **more):
    if "requestBody" in operation:
        more.setdefault("json", {})
    return world.ask(method, path.replace("{id}", ABSENT), world.tokens[role], **more)


def test_each_route_by_each_role(world):
    """What a role may not do is refused as that; what it may is not, whatever becomes of nothing's id."""
    for method, path, operation in _operations(world.document):
        if (method, path) in (("POST", "/clock/trust"), ("POST", "/session")):
            continue  # which do something
        for role in ROLES:
            answer = _call(world, role, method, path, operation)
            allowed = ROLES.index(role) >= ROLES.index(_role(operation))
            assert (answer.status_code != 403) == allowed, (role, method, path, answer.text)
            assert answer.status_code not in (401, 405, 500), (role, method, path, answer.text)
            if not allowed:
                assert f"wants the role {_role(operation)}" in answer.json()["error"]
        assert world.ask(method, path).status_code == 401


def test_reading_alone_is_for_read(world):
    for method, path, operation in _operations(world.document):
        if method == "GET":
            assert _role(operation) == ("admin" if path in ("/tokens", "/config", "/config/diff") else "read"), path
        elif path != "/session":
            assert _role(operation) in ("operate", "admin"), path


def test_no_route_is_left_out(world):
    """Other methods of each path are refused with those that there are; what acmegatectl knows is all described."""
    for path, item in world.document["paths"].items():
        there = {method.upper() for method in item}
        for method in ("GET", "POST", "DELETE", "PUT"):
            if method in there:
                continue
            answer = world.ask(method, path.replace("{id}", ABSENT), world.tokens["admin"])
            other = [p for p in world.document["paths"] if _matches(p, path.replace("{id}", ABSENT))]
            if not any(method.lower() in world.document["paths"][p] for p in other):
                assert answer.status_code == 405 and set(answer.headers["Allow"].split(", ")) <= \
                    {m.upper() for p in other for m in world.document["paths"][p]}, (method, path)


def _matches(pattern, path):
    return re.fullmatch(pattern.replace("{id}", "[^/]+"), path) is not None


# ---- parameters ----

def test_parameters_are_those_described(world):
    """A parameter that is described is taken, with a value that fits; one that is not is refused."""
    values = {"limit": "1", "newest": "1", "since": "0", "days": "5", "months": "1", "refusals": "1", "skip_preflight": "1",
              "name": "x", "target": "x", "account": "x", "policy": "x", "reason": "superseded", "after": "00",
              "preview": "1", "accept_orphans": "1"}
    every = {p["name"] for _, _, operation in _operations(world.document) for p in operation["parameters"]}
    assert every - {"id"} == set(values) | {"state"}
    for method, path, operation in _operations(world.document):
        described = {p["name"] for p in operation["parameters"]}
        for name in every - {"id"}:
            answer = _call(world, "admin", method, f"{path}?{name}={values.get(name, 'nonsense')}", operation) \
                if (method, path) not in (("POST", "/clock/trust"), ("POST", "/session"), ("DELETE", "/session")) else None
            if answer is None:
                continue
            refused = answer.status_code == 400 and "is no parameter of" in answer.json()["error"]
            assert refused == (name not in described), (method, path, name, answer.text)


def test_numbers_are_numbers(world):
    for method, path, operation in _operations(world.document):
        for parameter in operation["parameters"]:
            if parameter["schema"]["type"] != "integer":
                continue
            answer = _call(world, "admin", method, f"{path}?{parameter['name']}=x", operation)
            assert answer.status_code == 400 and parameter["description"] in answer.json()["error"], (path, parameter)


# ---- answers ----

def _ids(world):
    order = ctl_json(world, "order", "show", world.valid)
    return {"orders": world.valid, "issuances": order["issuance"]["id"], "subscriptions": order["issuance"]["subscription"],
            "accounts": order["account"], "certificates": order["certificate"], "upstreams": "main", "policies": "shop",
            "keys": world.key, "tokens": "the-read"}


def _asked(world):
    """(method, path of the description, path with ids, body) of calls that go well, in an order that leaves each one its
    object. Reading comes first, while everything is there, and again at the end."""
    ids = _ids(world)
    reads = [("GET", path, path.replace("{id}", ids.get(path.split("/")[1], "")), None)
             for path in world.document["paths"] if "get" in world.document["paths"][path]]
    more = [("GET", "/orders/{id}", f"/orders/{one}", None) for one in (world.busy, world.pending, world.dropped)]
    more += [("GET", "/audit", "/audit?refusals=1", None), ("GET", "/subscriptions", "/subscriptions?limit=1", None)]

    def post(path, one="", body=None):
        return "POST", path, path.replace("{id}", one), body

    changes = [
        post("/orders/{id}/retry", world.busy), post("/orders/{id}/drop", world.dropped),
        post("/orders/{id}/cancel", world.pending), post("/upstreams/{id}/test", "main"), post("/dcv/{id}/check", "tried." + ZONE),
        post("/upstreams/{id}/pause", "main"), post("/upstreams/{id}/resume", "main"),
        post("/upstreams/{id}/reconcile", "main"), post("/clock/trust"), post("/notify/test"),
        post("/subscriptions/adopt", body={"policy": "shop", "name": "." + ZONE, "preview": True}),
        post("/policies/{id}", "made", {"names": ["made.acme.example"]}), post("/policies/{id}/set", "made", {"ips": True}),
        post("/policies/{id}/keys", "made", {"note": "x"}), post("/policies/{id}/delete", "extra"),
        post("/keys/{id}/set", world.key, {"note": "y"}), post("/keys/{id}/disable", world.key),
        post("/keys/{id}/enable", world.key), post("/backup", body={"directory": world.path("copy")}),
        post("/config/reload"), post("/store/compact"),
        post("/tokens", body={"role": "read", "name": "made", "days": 1}), post("/tokens/{id}/revoke", "made"),
        post("/certificates/{id}/revoke", ids["certificates"]), post("/accounts/{id}/deactivate", ids["accounts"]),
        post("/session"), ("DELETE", "/session", "/session", None)]
    return reads + more + changes + reads


# Each wants an order that waits for its payment, or one that died: test_payment.py, test_ways_out.py.
ELSEWHERE = {("POST", "/orders/{id}/authorize"), ("POST", "/subscriptions/{id}/refund"),
             ("POST", "/subscriptions/{id}/release")}


@pytest.mark.lmdb("asks for a backup and a compaction")
def test_answers_are_as_described(world):
    ctl(world, "policy", "create", "extra")
    seen = set()
    for method, path, asked, body in _asked(world):
        operation = world.document["paths"][path][method.lower()]
        answer = world.ask(method, asked, world.tokens["admin"], json=body)
        assert answer.status_code == 200, (method, asked, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
        _fits(answer.json(), _schema(world.document, operation["responses"]["200"]), f"{method} {asked}")
        if body is not None:
            _fits(body, _schema(world.document, operation["requestBody"]), f"the body of {method} {asked}")
        seen.add((method, path))
    missing = {(method, path) for method, path, _ in _operations(world.document)} - seen
    assert missing == ELSEWHERE
    for method, path in ELSEWHERE:
        answer = world.ask(method, path.replace("{id}", _ids(world)[path.split("/")[1]]), world.tokens["admin"])
        assert answer.status_code == 409
        _fits(answer.json(), _schema(world.document, world.document["paths"][path]["post"]["responses"]["default"]), path)


def _fits(value, schema, what):
    wrong = [f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:600]}"
             for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]
    assert not wrong, "\n".join(wrong)


def test_a_member_more_or_less_would_be_seen(world):
    """The check of answers can fail: a member that is not described, one that is missing, one of another type."""
    schema = _schema(world.document, world.document["paths"]["/orders"]["get"]["responses"]["200"])
    answer = world.ask("GET", "/orders", world.tokens["read"]).json()
    for spoil in (lambda page: page["items"][0].update(more=1), lambda page: page["items"][0].pop("names"),
                  lambda page: page.update(next=7), lambda page: page["items"][0].update(status="lost"),
                  lambda page: page.update(more=True)):
        spoilt = copy.deepcopy(answer)
        spoil(spoilt)
        with pytest.raises(AssertionError):
            _fits(spoilt, schema, "it")
