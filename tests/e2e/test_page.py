"""The page at admin.listen in a real Chromium: what an operator sees, reads and does there."""

import os
import re

import pytest

from acme_client import AcmeClient, http_responder, make_csr
from admin_api import AdminWorld
from browser import Browser
from dns_server import ZONE
from process import TESTS
from sandbox_client import wait_for
from test_ctl import ctl, ctl_json
from test_money import _buy

SHOP, FORBIDDEN = ["shop." + ZONE, "www.shop." + ZONE], ["forbidden." + ZONE]
# Markup that would say so, if anything of it were read as such.
HOSTILE = "<img src=x onerror=document.title='taken'>"
SIGNED_IN = {"trusted_proxies": ["127.0.0.1"], "proxy": {"user_header": "X-Signed-In", "role_header": "X-Role"}}
VIEWS = {"now": "Now", "orders": "Orders", "expiry": "Expiry", "figures": "Figures", "access": "Policies and keys"}


def _change(config):
    config["spending"] = {"currency": "CHF", "purchases_per_day": 50}
    config["profiles"][0]["prices"] = {"single": "35", "wildcard": "120", "multi": "80"}
    config["acme"]["hold_finalize"] = "0s"
    # What is in the way is not looked at again before somebody says so.
    config["dcv"].update(preflight="off", preflight_retry="1h")


def _order(world, names):
    """Finalized, whatever becomes of it."""
    world.client.http.headers["User-Agent"] = HOSTILE
    with http_responder(world.ports["http01"]) as responder:
        url, order = world.client.ready_order(names, responder)
    world.client.finalize(order, make_csr(names))
    return url.rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A certificate of two, one order that CAA forbids, and a key with a note that is none."""
    one = AdminWorld(tmp_path_factory.mktemp("world"), admin=SIGNED_IN, change=_change)
    one.client = AcmeClient(one.directory, one.pki.ca)
    assert one.client.new_account().status_code == 201
    _buy(one, one.client, SHOP)
    _buy(one, one.client, SHOP)
    one.dns.update(lambda update: (update.add("forbidden", 60, "A", "127.0.0.1"),
                                   update.add("forbidden", 60, "CAA", f'0 issue "{HOSTILE}"')))
    one.forbidden = _order(one, FORBIDDEN)
    ctl(one, "policy", "create", "shop", "names=." + ZONE)
    ctl(one, "eab", "create", "shop", "id=first", f"note={HOSTILE}")
    ctl(one, "eab", "create", "shop", "id=another")
    wait_for("an order that CAA forbids", lambda: "CAA record" in (ctl_json(one, "order", "show", one.forbidden)["issuance"]["note"] or ""))
    yield one
    one.close()


@pytest.fixture(scope="module")
def browser():
    with Browser(certificates=True) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_fails(browser):
    """Whatever a test looks at: no script of the page fails, and nothing asks for what its policy forbids."""
    browser.errors()
    yield
    assert [error for error in browser.errors() if "Failed to load resource" not in error] == []


def _sign_in(world, browser, role):
    """From the beginning where another was there, and at the view Now in any case."""
    if browser.text("#who").split()[1:2] == [role]:
        return _go(browser, "now")
    browser.driver.delete_all_cookies()
    browser.open("about:blank")
    browser.open(world.api_url + "/")
    browser.wait_view("Sign in")
    browser.find("#token").send_keys(world.token(role))
    browser.click("button", "Sign in")
    browser.wait_view("Now")


def _go(browser, room):
    """By its link, as people do."""
    browser.click(f"#rooms a[href='#/{room}']")
    browser.wait_view(VIEWS[room])


def _rows(browser, label):
    return [row.text for row in browser.all(f"[aria-label='{label}'] tbody tr")]


# ---- who is let in ----

def test_a_token_is_wanted(world, browser):
    browser.open(world.api_url + "/#/figures")
    browser.wait_view("Sign in")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "token"
    browser.find("#token").send_keys("acmegate_" + 43 * "A")
    browser.click("button", "Sign in")
    assert "Nobody has such a token" in browser.find("[role=alert]", "token").text
    browser.find("#token").clear()
    browser.find("#token").send_keys(world.token("read"))
    browser.click("button", "Sign in")
    browser.wait_view("Figures")
    assert browser.driver.execute_script("return localStorage.length + sessionStorage.length") == 0
    assert browser.driver.execute_script("return document.cookie") == "", "the session is none of a script's business"
    browser.click("button", "Sign out")
    browser.wait_view("Sign in")
    browser.open(world.api_url + "/?again")
    browser.wait_view("Sign in")


def test_who_may_read_is_offered_nothing_else(world, browser):
    _sign_in(world, browser, "read")
    assert browser.text("#who").split()[-3] == "read"
    browser.find("[aria-label='Orders that want a look'] tr", FORBIDDEN[0])
    assert not browser.all("main button:not(.sort)")
    browser.open(f"{world.api_url}/#/order/{world.forbidden}")
    browser.wait_view(FORBIDDEN[0])
    assert not browser.all("main .actions")
    _go(browser, "access")
    assert "that takes the role operate" in browser.text("main") and not browser.all("main form, main td button")


# ---- what an operator came for ----

def test_a_blocked_order_is_found_read_and_retried(world, browser):
    _sign_in(world, browser, "operate")
    browser.find(".tile", "Issued today")  # midnight may have passed since
    browser.find(".tile", "Blocked\n1")
    browser.find(".troubles li", "1 order is blocked")
    row = browser.find("[aria-label='Orders that want a look'] tr", FORBIDDEN[0])
    assert "blocked" in row.text and f"does not let Sectigo issue" in row.text and HOSTILE in row.text
    browser.click("[aria-label='Orders that want a look'] a", FORBIDDEN[0])
    browser.wait_view(FORBIDDEN[0])
    assert "does not let Sectigo issue" in browser.find(".reason.bad", "Why it does not go on").text
    browser.find(".event.client", HOSTILE)  # the client's name for itself
    assert browser.all(".event.sectigo") and browser.title() == FORBIDDEN[0] and not browser.all("main img")
    assert browser.driver.title == f"{FORBIDDEN[0]} – acmegate"
    world.dns.update(lambda update: update.replace("forbidden", 60, "CAA", '0 issue "sectigo.com"'))
    browser.click("main button", "Retry")
    browser.wait(lambda: "valid" in browser.text(".state"), "certificate")
    browser.find(".event.operator", "order retry")
    browser.find(".event.push", "collected")
    browser.find(".event.sectigo", "RetryCAACheck")  # whose answer may come after the push that ends it
    browser.find(".facts", "Serial number")
    assert not browser.all(".reason.bad") and not browser.all("main .actions")
    assert len(world.bought(FORBIDDEN)) == 1


def test_a_login_is_paused_and_resumed(world, browser):
    _sign_in(world, browser, "operate")
    for press, sentence, state in (("Pause", "Purchases are paused by an operator.", "paused"), ("Resume", "", "open")):
        browser.click("[aria-label='Logins'] button", press)
        browser.click("dialog button", press)
        browser.find("[aria-label='Logins'] tr", state)
        assert sentence in browser.text("main") and ctl_json(world, "upstream", "status")["items"][0]["state"] == state


def test_orders_are_found_by_name(world, browser):
    _sign_in(world, browser, "operate")
    browser.driver.find_element("css selector", "body").send_keys("/")
    browser.find("#search").send_keys("shop\n")
    browser.wait(lambda: _rows(browser, "Orders, the newest first") and all("shop" in row for row in _rows(browser, "Orders, the newest first")), "orders of the shop")
    assert len(_rows(browser, "Orders, the newest first")) == 2
    browser.find("#search").send_keys("-of-nobody\n")
    browser.find(".empty", "No order fits")


def test_policies_and_keys(world, browser):
    _sign_in(world, browser, "operate")
    _go(browser, "access")
    browser.click("summary", "New policy")
    browser.find("#policy-name").send_keys("page")
    browser.find("#policy-names").send_keys(".page." + ZONE)
    browser.find("#policy-purchases").send_keys("3")
    browser.click("button", "Create the policy")
    browser.find("[aria-label='Policies'] tr", "page")
    assert (made := ctl_json(world, "policy", "show", "page"))["names"] == [".page." + ZONE] and made["purchases_per_day"] == 3
    browser.click("summary", "New policy")
    browser.find("#policy-name").send_keys("page")
    browser.click("button", "Create the policy")
    assert browser.find("form [role=alert]", "page").text.endswith(".")
    browser.click("summary", "New external account key")
    browser.find("#key-policy").send_keys("page")
    browser.find("#key-note").send_keys(HOSTILE)
    browser.click("button", "Make the key")
    shown = browser.find("dialog", "HMAC key").text
    key, = [one["id"] for one in ctl_json(world, "eab", "list", "--policy", "page")["items"]]
    assert key in shown and re.search(r"HMAC key\n[\w-]{43}", shown)
    browser.click("dialog button", "I have it")
    browser.click(f"[aria-label='External account keys'] tr:has(th):has(td) button", "Disable")
    browser.click("dialog button", "Not now")
    row = lambda: browser.find("[aria-label='External account keys'] tr", key)
    row().find_element("css selector", "td button").click()
    browser.click("dialog button", "Disable")
    browser.wait(lambda: "disabled" in row().text, "key that is disabled")
    assert ctl_json(world, "eab", "show", key)["enabled"] is False and not browser.all("main img")
    line = ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]
    assert line["role"] == "operate" and line["subject"] == key


# ---- what it is made of ----

def test_its_files_bring_all_they_need(world):
    """Nothing from elsewhere, and nowhere a text that is read as markup."""
    folder = os.path.join(TESTS, "..", "gateway/operate/web")
    names = [name for name in os.listdir(folder) if name.endswith((".html", ".js", ".css", ".svg"))]
    for name in names:
        answer = world.ask("GET", "/" + ("" if name == "index.html" else name))
        assert answer.status_code == 200 and answer.headers["ETag"] and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
        elsewhere = re.findall(r"https?://[^\s\"'`]+|\burl\(", answer.text.replace("http://www.w3.org/2000/svg", ""))
        markup = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function|style=|\son\w+=", answer.text)
        assert elsewhere == [] and markup == [], name
    imported = set(re.findall(r"[\"'(]\.?/([a-z]+\.(?:js|css|svg))", "".join(world.ask("GET", "/" + name).text for name in (*names, ""))))
    assert imported == set(names) - {"index.html"}, "every file is asked for, and is there"


# ---- figures ----

def test_figures_of_what_was_done(world, browser):
    _sign_in(world, browser, "operate")
    _go(browser, "figures")
    browser.wait(lambda: len(browser.all(".chart svg .column")) >= 60, "two charts of thirty days")
    today = browser.driver.execute_script("return [...document.querySelectorAll('.chart .column title')].map(one => one.textContent)")
    assert any(re.search(r"bought: [12], free replacement: 1", text) for text in today), today
    browser.find("[aria-label='Calls to Sectigo'] tr", "AutoApplyOrder")
    browser.find("[aria-label='All months together'] tr", "47 days")
    browser.click("label", "47 days")
    browser.find("figure", "To be paid a month")
    _go(browser, "expiry")
    ending = browser.driver.execute_script("return [...document.querySelectorAll('.month button')].map(one => one.ariaLabel)")
    wanted = [f"{row['day']}: {row['certificates']}" for row in ctl_json(world, "calendar")["items"] if row["certificates"]]
    assert len(ending) == len(wanted) and all(text.startswith(day) for text, day in zip(ending, wanted))


# ---- for everybody ----

def test_by_the_keyboard_alone(world, browser):
    _sign_in(world, browser, "operate")
    body = lambda: browser.driver.find_element("css selector", "body")
    focus = lambda: browser.driver.switch_to.active_element
    for key, title in (("o", "Orders"), ("e", "Expiry"), ("f", "Figures"), ("a", "Policies and keys"), ("n", "Now")):
        body().send_keys("g" + key)
        browser.wait_view(title)
        assert focus().tag_name == "h1", "what reads a page aloud begins with the view"
    body().send_keys("?")
    browser.find("dialog", "Search orders")
    focus().send_keys("\ue00c")  # Escape
    browser.wait(lambda: not browser.all("dialog[open]"), "dialog that is closed")
    browser.open(world.api_url + "/?again#/access")
    browser.wait_view("Policies and keys")
    body().send_keys("\ue004")  # Tab
    assert focus().text == "Skip to the content"
    focus().send_keys("\ue007")  # Enter
    browser.wait(lambda: focus().get_attribute("id") == "main", "focus on the content")
    heading = lambda: browser.driver.find_element("css selector", "[aria-label='External account keys'] th")
    sort = lambda: heading().find_element("css selector", "button").send_keys("\ue007")
    for order in ("ascending", "descending"):
        sort()
        assert heading().get_attribute("aria-sort") == order and focus().text.startswith("Key")
        keys = [row.split()[0] for row in _rows(browser, "External account keys")]
        assert keys == sorted(keys, key=str.lower, reverse=order == "descending")


CONTRAST = """
  const style = getComputedStyle(document.documentElement);
  const light = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((two) => parseInt(two, 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  return arguments[0].map(([ink, paper]) => { const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x); return [ink, paper, (a + 0.05) / (b + 0.05)]; });
"""
PAIRS = [("--ink", "--paper"), ("--ink", "--sheet"), ("--soft", "--paper"), ("--soft", "--faint"), ("--link", "--paper"), ("--link", "--sheet"),
         ("--good", "--good-sheet"), ("--warn", "--warn-sheet"), ("--bad", "--bad-sheet"), ("--on-first", "--first"), ("--ink", "--d3"), ("--on-d4", "--d4")]
UNLABELLED = """
  const bad = [];
  for (const one of document.querySelectorAll("input, select")) if (one.labels.length === 0) bad.push(one.id);
  for (const one of document.querySelectorAll("thead th, tbody th")) if (!one.scope) bad.push(one.textContent);
  for (const one of document.querySelectorAll("button, a")) if (!(one.ariaLabel ?? one.textContent).trim()) bad.push(one.outerHTML);
  for (const one of document.querySelectorAll("svg:not([aria-hidden]):not([aria-label])")) bad.push(one.outerHTML);
  for (const one of document.querySelectorAll("[id]")) if (document.querySelectorAll("#" + CSS.escape(one.id)).length > 1) bad.push(one.id);
  return bad;
"""
# What makes the page wider than the screen; a table may, in a frame that scrolls by itself.
TOO_WIDE = """
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > room + 1).map((one) => one.outerHTML.slice(0, 120));
"""


@pytest.mark.parametrize("size, dark", [((1440, 900), False), ((390, 844), True)])
def test_every_view_can_be_read(world, browser, size, dark):
    browser.emulate(*size, dark)
    _sign_in(world, browser, "operate")
    weak = [pair for pair in browser.driver.execute_script(CONTRAST, PAIRS) if pair[2] < 4.5]
    assert not weak, "text of too little contrast"
    for room, title in VIEWS.items():
        _go(browser, room)
        assert browser.driver.execute_script(UNLABELLED) == [], title
        assert browser.driver.execute_script(TOO_WIDE) == [], f"{title} wants more room than there is"
        assert browser.driver.execute_script("return document.querySelector('#rooms [aria-current]').hash") == f"#/{room}"
    browser.emulate(1440, 900, False)


# ---- a gateway that is started anew ----

def test_who_a_proxy_signs_in(world, browser):
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"X-Signed-In": "anna@acme.example", "X-Role": "operate"}})
    browser.open(world.api_url + "/?proxy")
    browser.wait_view("Now")
    assert "anna@acme.example operate" in browser.text("#who") and "Sign out" not in browser.text("#who")
    world.restart_gateway()  # it wants other proofs from now on that a change comes from the page
    browser.click("[aria-label='Logins'] button", "Pause")
    browser.click("dialog button", "Pause")
    browser.find(".troubles li", "Purchases are paused by an operator.")
    assert ctl_json(world, "audit", "--newest", "--limit", "1")["items"][0]["user"] == "anna@acme.example"
    ctl(world, "upstream", "resume", "main")
    browser.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})
    browser.open("about:blank")
