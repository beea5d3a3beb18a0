#!/usr/bin/python3
"""page_demo.py: the operators' page with a fleet that is made up, so that it can be looked at without a gateway.

    page_demo.py                        serves it until interrupted, and says where
    page_demo.py --screenshots FOLDER   takes pictures of every view: wide, dark and on a phone

The files are those of gateway/operate/web as they stand there; the answers have the shape of the API's.
"""

import argparse
import datetime
import http.server
import json
import os
import random
import re
import threading
import time
import urllib.parse

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WEB = os.path.join(ROOT, "gateway/operate/web")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}
DAY = 86_400_000
HOSTILE = "<img src=x onerror=alert(1)>"


def policy_of_the_gateway():
    with open(os.path.join(WEB, "web.c"), encoding="utf-8") as file:
        words = re.search(r"POLICY\[\] = (.*?);\n", file.read(), re.S).group(1)
    return "".join(re.findall(r'"([^"]*)"', words))


# ---- what is made up ----

class Fleet:
    def __init__(self):
        self.dice = random.Random(7)
        self.now = int(time.time() * 1000)
        self.live = self._live()
        self.orders = {row["order"]: self._order(row) for row in self.live}
        for i in range(160):
            made = self.now - (i + 1) * self.dice.randint(1_200_000, 5_000_000)
            self.orders.setdefault(f"order{i:03}", self._ended(f"order{i:03}", made))

    def _name(self):
        return f"{self.dice.choice(('www', 'api', 'shop', 'mail', 'auth', 'cdn', 'git', 'portal'))}{self.dice.randint(1, 90)}." + \
            self.dice.choice(("example.org", "shop.example.org", "example.net", "intranet.example.com"))

    def _live(self):
        caa = ("Sectigo may not issue: pay.example.org: the CAA record of example.org, issue \"letsencrypt.org\", does not let "
               "Sectigo issue: add  example.org. CAA 0 issue \"sectigo.com\"")
        rows = [("held", ["shop.example.org", "www.shop.example.org"], "the limit of 40 purchases a day is reached; it goes on at "
                 "midnight UTC, or after acmegatectl upstream resume where the limit was raised", 5_400_000),
                ("blocked", ["pay.example.org"], caa, 9_000_000),
                ("published", ["intranet.example.com"], "http://intranet.example.com/.well-known/pki-validation/6F0C9B.txt: "
                 "connection refused by 192.0.2.17", 700_000),
                ("submitted", ["*.cdn.example.net", "cdn.example.net"], None, 42_000), ("submitted", ["git.example.org"], None, 12_000),
                ("queued", ["api.example.org"], None, 8_000)]
        return [{"id": f"gw{i:032x}", "state": state, "kind": "purchase", "names": names, "order_number": f"88120{i}" if state in ("blocked", "submitted") else None,
                 "note": note, "created_ms": self.now - age - 60_000, "changed_ms": self.now - age, "due_ms": self.now + 600_000 + i * 70_000,
                 "order": f"live{i:03}"} for i, (state, names, note, age) in enumerate(rows)]

    def _order(self, row):
        authz = [{"id": "a", "name": name.removeprefix("*."), "wildcard": name.startswith("*."), "status": "valid", "expires_ms": self.now + 25 * DAY,
                  "challenges": [{"type": "http-01", "status": "valid", "validated_ms": row["created_ms"] - 3000, "error": None}]} for name in row["names"]]
        return {"id": row["order"], "status": "processing", "names": row["names"], "policy": "shop", "profile": "dv", "created_ms": row["created_ms"] - 9000,
                "account": "AaIbH2IjOXc2ifuR4m5MMKDA", "expires_ms": self.now + DAY, "finalized_ms": row["created_ms"], "read_ms": self.now - 8000,
                "user_agent": "CertbotACMEClient/2.1.0 (certbot; Debian GNU/Linux 12) " + (HOSTILE if row["order"] == "live001" else ""), "error": None, "certificate": None, "serial_number": None,
                "not_before_ms": None, "not_after_ms": None, "authorizations": authz, "issuance": {**row, "failures_in_a_row": 0, "certificate_id": None, "payment": None}}

    def _ended(self, order, made):
        good = self.dice.random() < 0.9
        return {**self._order({"order": order, "names": [self._name()], "created_ms": made, "changed_ms": made + 14_000, "state": "collected" if good else "refused",
                               "note": None, "id": "gw" + order, "kind": "replacement", "order_number": "8811907repl#2", "due_ms": None}),
                "status": "valid" if good else "invalid", "policy": self.dice.choice(("shop", "intranet", "everybody")),
                "error": None if good else {"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "Sectigo refuses the name: it is on a list of names that are not sold."},
                "serial_number": "00D7A1C0FFEE" if good else None, "not_before_ms": made if good else None, "not_after_ms": made + 199 * DAY if good else None}

    def story(self, order):
        one = self.orders[order]
        start, events = self.now - 11_200_000, []

        def tell(after, who, what, state=None, words=None, times=1, last=0):
            events.append({"time_ms": start + after, "last_ms": start + after + last, "times": times, "who": who, "what": what, "state": state, "words": words})
        tell(0, "client", "newOrder", None, one["user_agent"])
        for name in one["names"]:
            tell(6000, "client", "challenge", None, f"control of {name} is proved by http-01")
        tell(9000, "client", "finalize")
        tell(9200, "control", "preflight", "published", one["issuance"]["note"] if one["issuance"]["state"] == "published" else None, 4, 600_000)
        tell(9300 + 610_000, "control", "preflight", "submitting")
        tell(9900 + 610_000, "sectigo", "AutoApplyOrder", "submitted", "Sectigo has it as order 881201.")
        tell(70_000 + 610_000, "sectigo", "CollectSSL", "submitted", None, 3, 9_000_000)
        if one["issuance"]["state"] == "blocked":
            tell(75_000 + 11_000_000, "push", "push", "submitted", "CAA check failed")
            tell(75_500 + 11_000_000, "sectigo", "CollectSSL, GetDetailedOrderStatus", "blocked", one["issuance"]["note"])
            tell(90_500 + 11_000_000, "operator", "operator", "blocked", "order retry")
        elif one["status"] == "valid":
            tell(75_000 + 11_000_000, "push", "push", "collected")
            tell(75_010 + 11_000_000, "gateway", "certificate", "valid", "serial number 00D7A1C0FFEE")
            tell(78_000 + 11_000_000, "client", "certificate fetched")
        return events

    def days(self, count):
        rows, today = [], datetime.datetime.now(datetime.timezone.utc).date()
        dice = random.Random(3)
        for i in range(count):
            day = today - datetime.timedelta(count - 1 - i)
            busy = 4 if day.weekday() < 5 else 1
            bought, replaced = dice.randint(0, 4 * busy), dice.randint(2, 11 * busy)
            rows.append({"day": day.isoformat(), "certificates": bought + replaced, "purchases": bought, "replacements": replaced, "refunds": 0,
                         "amount_cents": bought * 3500 + dice.randint(0, 2) * 12000})
        return rows

    def calendar(self, count):
        dice, today = random.Random(5), datetime.datetime.now(datetime.timezone.utc).date()
        return [{"day": (today + datetime.timedelta(i)).isoformat(),
                 "certificates": 0 if dice.random() < 0.35 else dice.choice((1, 1, 2, 3, 3, 5, 8, 13 if i > 25 else 1))} for i in range(count)]

    def expiring(self):
        return [{"id": f"c{i}", "state": "valid", "names": [self._name()], "not_before_ms": self.now - 190 * DAY, "not_after_ms": self.now + (i + 1) * 2 * DAY,
                 "policy": "shop", "serial_number": f"00D7A1{i:06X}C0FFEE"} for i in range(12)]

    def forecast(self):
        rows, sums, today = [], [], datetime.date.today()
        for days, times in ((200, 1), (100, 2), (47, 4)):
            total = [0, 0]
            for i in range(13):
                month = f"{today.year + (today.month - 1 + i) // 12}-{(today.month - 1 + i) % 12 + 1:02}"
                bought, replaced = (11 + 7 * i) % 23, ((17 + 5 * i) % 31) * times
                total = [total[0] + bought, total[1] + replaced]
                rows.append({"lifetime_days": days, "month": month, "policy": "shop", "profile": "dv", "login": "main", "purchases": bought, "replacements": replaced,
                             "amount_cents": bought * 3500, "unpriced": 0, "over_limit": "all" if bought > 20 else None})
            sums.append({"lifetime_days": days, "purchases": total[0], "replacements": total[1], "amount_cents": total[0] * 3500, "unpriced": 0})
        return {"items": rows, "sums": sums, "left_out": {}, "next": None}


def histogram(what, of, ends, counts):
    total = sum(counts)
    return {"what": what, "of": of, "count": total, "mean_seconds": 1.4 * ends[1], "half_within_seconds": ends[2], "most_within_seconds": ends[4],
            "buckets": [{"up_to_seconds": end, "count": count} for end, count in zip([*ends, None], counts)]}


LATENCY = [histogram("time to certificate", "push", [1., 5., 15., 60., 300., 900., 3600.], [4, 122, 310, 95, 31, 8, 2, 0]),
           histogram("time to certificate", "poll", [60., 300., 900., 3600., 14400., 43200.], [0, 12, 9, 3, 4, 1, 0])] + \
          [histogram("call to Sectigo", call, [.05, .1, .25, .5, 1., 2., 5., 10.], counts) for call, counts in
           (("AutoApplyOrder", [0, 0, 21, 160, 97, 12, 4, 0, 0]), ("CollectSSL", [2, 40, 420, 99, 12, 2, 0, 1, 0]),
            ("AutoReplaceSSL", [0, 0, 31, 260, 127, 22, 6, 1, 0]))] + \
          [histogram("request", "acme", [.0005, .001, .002, .005, .01, .025], [2100, 1300, 400, 90, 12, 3, 1]),
           histogram("commit", None, [.0005, .001, .002, .005, .01, .025], [10, 80, 500, 900, 120, 9, 2])]

LOGIN = {"login": "main", "state": "open", "paused_ms": None, "no_credit_ms": None, "last_push_ms": None, "balance_ms": None, "balance_cents": 412550,
         "credit_low": False, "drift_ms": None, "unknown_orders": 0, "missing_orders": 0, "note": None, "test": False, "url": "https://secure.trust-provider.com"}


def answer_of(fleet, path, asked, role):
    """The JSON of a GET, None where nothing is there."""
    limit = int(asked.get("limit", "100"))
    page = lambda items: {"items": items[:limit], "next": "more" if len(items) > limit and "after" not in asked else None, "currency": "EUR", "last": None}
    if path.startswith("/orders/"):
        order, _, story = path.removeprefix("/orders/").partition("/")
        if order not in fleet.orders:
            return None
        return {"items": fleet.story(order), "more": False} if story else fleet.orders[order]
    name = asked.get("name", "").strip("*")
    orders = [one for one in fleet.orders.values() if any(name in each for each in one["names"]) and asked.get("state", one["status"]) == one["status"]]
    logins = [{**LOGIN, "last_push_ms": fleet.now - 190_000, "balance_ms": fleet.now - 3_600_000, "drift_ms": fleet.now - 40_000_000},
              {**LOGIN, "login": "organisation", "balance_cents": 8140, "credit_low": True, "last_push_ms": fleet.now - 3 * DAY, "balance_ms": fleet.now - 3_500_000}]
    limits = [{"policy": None, "limit": "purchases a day", "used": 40, "most": 40, "reached": True}, {"policy": None, "limit": "purchases a month", "used": 241, "most": 800, "reached": False},
              {"policy": None, "limit": "amount a day", "used_cents": 142000, "most_cents": 200000, "reached": False}, {"policy": "shop", "limit": "orders a day", "used": 11, "most": 50, "reached": False},
              {"policy": "shop", "limit": "purchases a day", "used": 17, "most": 20, "reached": False}]
    policies = [{"name": "everybody", "builtin": True, "names": [], "validation": "acme", "profiles": [], "purchases_per_day": 0},
                {"name": "intranet", "names": [".intranet.example.com"], "validation": "trusted", "profiles": ["dv"], "purchases_per_day": 5},
                {"name": "shop", "names": [".shop.example.org", "shop.example.org", "pay.example.org"], "validation": "acme", "profiles": ["dv", "ov"], "purchases_per_day": 20}]
    keys = [{"id": "ku4NHbPR3WZ1", "policy": "shop", "enabled": True, "accounts": 14, "created_ms": fleet.now - 40 * DAY, "note": "the shop team"},
            {"id": "old", "policy": "intranet", "enabled": False, "accounts": 2, "created_ms": fleet.now - 300 * DAY, "note": "before the move " + HOSTILE}]
    return {
        "/session": {"by": "session", "name": "anna", "role": role, "csrf": "x", "expires_ms": None},
        "/status": {"version": "0.1.0", "currency": "EUR", "clock": {"in_doubt": False}, "jobs": {"due": 0, "overdue": 0}, "logins": logins,
                    "issuances": {"queued": 1, "published": 1, "submitted": 2, "held": 1, "blocked": 1, "collected": 2431},
                    "spending": {"purchases_today": 40, "amount_today_cents": 142000}, "gave_up": {"accounts": 2, "certificates": 5},
                    "counts": {"accounts": 96, "orders": 2611, "certificates": 2431, "subscriptions": 812}, "store": {"used_octets": 1, "map_size_octets": 9}},
        "/limits": {"items": limits, "currency": "EUR"}, "/live": {"items": fleet.live, "more": False},
        "/days": {"items": fleet.days(int(asked.get("days", "30"))), "currency": "EUR"}, "/calendar": {"items": fleet.calendar(int(asked.get("days", "90")))},
        "/expiring": page(fleet.expiring()), "/latency": {"items": LATENCY}, "/forecast": {**fleet.forecast(), "currency": "EUR"},
        "/cost": {"items": [{"month": "2026-10", "policy": "shop", "profile": "dv", "login": "main", "purchases": 201, "replacements": 611, "refunds": 2, "amount_cents": 703500},
                            {"month": "2026-11", "policy": "shop", "profile": "dv", "login": "main", "purchases": 241, "replacements": 702, "refunds": 0, "amount_cents": 843500}], "currency": "EUR"},
        "/orders": page(sorted(orders, key=lambda one: -one["created_ms"])), "/policies": page(policies), "/keys": page(keys),
        "/accounts": page([{"id": f"Aa{i:022}", "status": "valid", "created_ms": fleet.now - i * DAY, "policy": "shop", "key": None, "contacts": [f"mailto:team{i}@example.org", HOSTILE][:1 + (i == 1)]} for i in range(3)]),
    }.get(path)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        name = "index.html" if url.path == "/" else url.path[1:]
        if os.path.splitext(name)[1] in TYPES and "/" not in name and os.path.exists(os.path.join(WEB, name)):
            with open(os.path.join(WEB, name), "rb") as file:
                return self._send(200, file.read(), TYPES[os.path.splitext(name)[1]])
        found = answer_of(self.server.fleet, url.path, dict(urllib.parse.parse_qsl(url.query)), self.server.role)
        return self._send_json(404 if found is None else 200, {"error": "there is no such thing"} if found is None else found)

    def do_POST(self):
        if self.path.endswith("/keys"):
            return self._send_json(200, {"id": "ku4NHbPR3WZ2", "hmac_key": "3yX1bq0cQ7v2mJt9hVb4iQ8y1kz0s5uW2n6r4p8d3fM"})
        return self._send_json(200, {})

    def _send_json(self, status, value):
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status, body, content_type):
        self.send_response(status)
        for field in (("Content-Type", content_type), ("Content-Length", str(len(body))), ("Content-Security-Policy", self.server.policy), ("Cache-Control", "no-store")):
            self.send_header(*field)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(role="operate"):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.fleet, server.role, server.policy = Fleet(), role, policy_of_the_gateway()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


# ---- pictures ----

VIEWS = {"now": "now", "orders": "orders", "order": "order/live001", "expiry": "expiry", "figures": "figures", "access": "access"}
SIZES = {"wide": (1440, 900, False), "dark": (1440, 900, True), "phone": (390, 844, False)}


def shoot(folder):
    from browser import Browser  # selenium: for pictures alone
    os.makedirs(folder, exist_ok=True)
    server, url = serve()
    for size, (width, height, dark) in SIZES.items():
        with Browser(width, height, dark) as browser:
            for name, view in VIEWS.items():
                browser.open(f"{url}/#/{view}")
                browser.wait_view()
                browser.shoot(os.path.join(folder, f"{name}-{size}.png"))
    server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", metavar="FOLDER")
    parser.add_argument("--role", default="operate")
    arguments = parser.parse_args()
    if arguments.screenshots:
        shoot(arguments.screenshots)
        return
    _, url = serve(arguments.role)
    print(url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
