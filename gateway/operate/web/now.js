// now: what is going on: what wants somebody to look, what is under way, the logins, the limits.
import { get, may, post } from "./api.js";
import { gauge } from "./charts.js";
import { badge, el, empty, names, section, table } from "./dom.js";
import { actionButton, retryButton } from "./order.js";
import { say } from "./page.js";
import { money, number, plural, when } from "./words.js";

const LOOK = ["held", "blocked", "unknown"], EVERY_MS = 10000;

// ---- what is wrong, as sentences ----

function loginTroubles(login, currency) {
  const words = {
    refused: "Sectigo refuses the login; check its password, then resume it.",
    failing: "Calls to Sectigo fail, so they rest for a while.",
    paused: "Purchases are paused by an operator.",
    reconciling: "It is being reconciled with Sectigo; purchases wait for that.",
    behind: "Sectigo knows orders that this store does not: reconcile it.",
    restored: "The store was restored from a copy: reconcile it before it buys.",
    withheld: "Several certificates in a row were not accepted, so it buys nothing.",
    "no credit": "Sectigo says that there is no credit.",
    unreachable: "Sectigo cannot be reached.",
    unreadable: "What is known of the login cannot be read from the store.",
  };
  const troubles = [];
  if (words[login.state]) troubles.push(`Login ${login.login}: ${words[login.state]}`);
  if (login.credit_low) troubles.push(`Login ${login.login}: credit is low, ${money(login.balance_cents, currency)} are left.`);
  if (login.missing_orders) troubles.push(`Login ${login.login}: ${plural(login.missing_orders, "order")} of the store are unknown to Sectigo.`);
  if (login.unknown_orders) troubles.push(`Login ${login.login}: ${plural(login.unknown_orders, "order")} at Sectigo are unknown here.`);
  if (login.warning) troubles.push(`Login ${login.login}: ${login.warning}.`);
  return troubles;
}

function troubles(status, limits) {
  const list = (status.logins ?? []).flatMap((login) => loginTroubles(login, status.currency)), is = status.issuances ?? {};
  if (is.held) list.push(`${plural(is.held, "order")} ${is.held === 1 ? "is" : "are"} held: nothing is sent before somebody, or time, changes something.`);
  if (is.blocked) list.push(`${plural(is.blocked, "order")} ${is.blocked === 1 ? "is" : "are"} blocked: Sectigo has it and cannot go on.`);
  if (is.unknown) list.push(`Of ${plural(is.unknown, "order")} the outcome is unknown: Sectigo is asked before anything is sent again.`);
  if (status.clock?.in_doubt) list.unshift(`The time is in doubt, so nothing is bought: ${status.clock.why}`);
  if (status.jobs?.overdue) list.push(`${plural(status.jobs.overdue, "job")} should have been done more than a minute ago.`);
  for (const limit of limits.items.filter((one) => one.reached))
    list.push(`The limit on ${limit.limit}${limit.policy ? ` of policy ${limit.policy}` : ""} is reached.`);
  const { used_octets: used, map_size_octets: size } = status.store ?? {};
  if (size && used / size > 0.9) list.push(`The store is ${Math.round((used / size) * 100)} % full.`);
  return list;
}

function troubleList(status, limits) {
  const list = troubles(status, limits);
  if (list.length === 0) return el("p", { class: "well" }, "Nothing is wrong that the gateway knows of.");
  return el("ul", { class: "troubles", "aria-label": "What is wrong" }, list.map((one) => el("li", null, one)));
}

// ---- numbers ----

function tile(label, value, more, link) {
  return el(link ? "a" : "div", { class: "tile", href: link }, el("span", { class: "label" }, label),
    el("span", { class: "value" }, value), el("span", { class: "more" }, more ?? ""));
}

function overall(limits, what) {
  return limits.items.find((one) => !one.policy && one.limit === what);
}

function tiles(status, limits, today) {
  const is = status.issuances ?? {}, spending = status.spending ?? {};
  const flying = ["queued", "prepared", "published", "submitting", "submitted", "cancelling", ...LOOK]
    .reduce((sum, state) => sum + (is[state] ?? 0), 0);
  const most = overall(limits, "amount a day")?.most_cents, count = overall(limits, "purchases a day")?.most;
  const credit = (status.logins ?? []).filter((login) => login.balance_cents !== null).sort((a, b) => a.balance_cents - b.balance_cents);
  return el("div", { class: "tiles" },
    tile("In flight", number(flying), `${number(is.queued ?? 0)} of them queued`),
    tile("Held", number(is.held ?? 0), is.held ? "waiting for somebody" : "none"),
    tile("Blocked", number(is.blocked ?? 0), is.blocked ? "Sectigo cannot go on" : "none"),
    tile("Issued today", number(today?.certificates ?? 0), plural(today?.replacements ?? 0, "free replacement"), "#/figures"),
    tile("Bought today", number(spending.purchases_today), count ? `of at most ${number(count)}` : "no limit on the number", "#/figures"),
    tile("Spent today", money(spending.amount_today_cents, status.currency, true), most ? `of at most ${money(most, status.currency, true)}` : "no limit on the amount", "#/figures"),
    tile(credit.length > 1 ? "Lowest credit" : "Credit", money(credit[0]?.balance_cents, status.currency, true),
      credit.length === 0 ? "not asked for yet" : `login ${credit[0].login}${credit[0].credit_low ? ", low" : ""}`));
}

// ---- tables ----

const flightColumns = (done) => [
  { title: "Names", head: true, show: (one) => (one.order ? el("a", { href: `#/order/${one.order}` }, names(one.names)) : names(one.names)), value: (one) => one.names?.[0] },
  { title: "State", show: (one) => badge(one.state), value: (one) => one.state },
  { title: "Since", show: (one) => when(one.changed_ms), value: (one) => one.changed_ms },
  { title: "Next step", show: (one) => when(one.due_ms), value: (one) => one.due_ms },
  { title: "Why", wide: true, show: (one) => one.note ?? "–" },
  ...(done ? [{ title: "", show: (one) => one.order && retryButton(one.order, one.state, done, { kind: "quiet" }) }] : []),
];

function loginTable(status, again) {
  const turn = (one) => {
    const pause = one.state === "open";
    return actionButton(pause ? "Pause" : "Resume", () => post(["upstreams", one.login, pause ? "pause" : "resume"]).then(() => {
      say(`Login ${one.login} ${pause ? "buys nothing" : "may buy again; what is held goes on"}.`);
      again();
    }), { kind: "quiet", question: pause ? `Nothing is bought with login ${one.login} until it is resumed; replacements, collection and revocation go on.`
      : `Login ${one.login} buys again, and what is held is tried now. Whatever stopped it should be mended.` });
  };
  return table("Logins", [
    { title: "Login", head: true, show: (one) => [one.login, one.test && el("span", { class: "note" }, " test")], value: (one) => one.login },
    { title: "State", show: (one) => badge(one.state), value: (one) => one.state },
    { title: "Credit", number: true, show: (one) => money(one.balance_cents, status.currency), value: (one) => one.balance_cents },
    { title: "Credit asked", show: (one) => when(one.balance_ms), value: (one) => one.balance_ms },
    { title: "Last push", show: (one) => (one.last_push_ms ? when(one.last_push_ms) : "never"), value: (one) => one.last_push_ms },
    { title: "Compared", show: (one) => when(one.drift_ms), value: (one) => one.drift_ms },
    { title: "Note", wide: true, show: (one) => one.note ?? "–" },
    ...(may("operate") ? [{ title: "", show: turn }] : []),
  ], status.logins ?? []);
}

function limitTable(limits) {
  const used = (one) => one.used ?? one.used_cents, most = (one) => one.most ?? one.most_cents;
  const text = (one, value) => (one.used_cents !== undefined ? money(value, limits.currency) : number(value));
  const list = limits.items.filter((one) => most(one));
  if (list.length === 0) return empty("There is no limit on what may be bought. The configuration (spending) and each policy can set some.");
  return table("Limits", [
    { title: "Whose", head: true, show: (one) => one.policy ?? "everybody", value: (one) => one.policy ?? "" },
    { title: "Limit on", show: (one) => one.limit, value: (one) => one.limit },
    { title: "Used", number: true, show: (one) => text(one, used(one)), value: used },
    { title: "At most", number: true, show: (one) => text(one, most(one)), value: most },
    { title: "", show: (one) => gauge(used(one), most(one), `${Math.round((used(one) / most(one)) * 100)} % are used`),
      value: null },
  ], list);
}

function gaveUp(status) {
  const { accounts, certificates } = status.gave_up ?? {};
  return certificates ? el("p", { class: "note" }, `${plural(certificates, "certificate")} of the last 30 days (${plural(accounts, "account")}) were never fetched by their clients, which wait less than issuance takes.`) : null;
}

// ---- the view ----

function draw(data, again) {
  const [status, limits, live, days] = data;
  const look = live.items.filter((one) => LOOK.includes(one.state)), rest = live.items.filter((one) => !LOOK.includes(one.state));
  return [
    troubleList(status, limits),
    tiles(status, limits, days.items[days.items.length - 1]),
    section("Wants a look", look.length ? table("Orders that want a look", flightColumns(again), look)
      : empty("No order is held, blocked or unknown.")),
    section("Under way", rest.length ? table("Orders under way", flightColumns(null), rest)
      : empty("Nothing else is under way."), live.more && el("p", { class: "note" }, "There are more; acmegatectl live shows up to a thousand.")),
    section("Logins", loginTable(status, again)),
    section("Limits", limitTable(limits)),
    gaveUp(status),
    el("p", { class: "note" }, `acmegate ${status.version}. ` + ["certificate", "subscription", "order", "account"]
      .map((one) => plural(status.counts?.[`${one}s`] ?? 0, one)).join(", ") + ". Days are those of UTC."),
  ];
}

/** Asks again every ten seconds while it is looked at; what has not changed stays as it is, with the focus in it. */
export async function show(view) {
  const place = el("div");
  let shown = null, asked = 0, drawn = 0;
  async function refresh() {
    const turn = ++asked;
    const data = await Promise.all([get(["status"]), get(["limits"]), get(["live"], { limit: 200 }), get(["days"], { days: 1 })]);
    if (turn < drawn) return; // a later one was answered before
    drawn = turn;
    const text = JSON.stringify(data.map(({ store, ...rest }) => rest).concat(Math.floor(Date.now() / 60000)));
    const used = place.contains(document.activeElement) && document.activeElement !== place;
    if (text === shown || (shown !== null && used && place.querySelector("button:disabled"))) return;
    const focused = used ? focusOf(place) : null;
    shown = text;
    place.replaceChildren(...draw(data, () => view.soon(refresh)).filter(Boolean));
    focused?.();
  }
  await refresh();
  view.every(EVERY_MS, refresh);
  return ["Now", place];
}

/** What gives the focus back to the same place among those that take one. */
function focusOf(place) {
  const takers = "a[href], button, [tabindex='0']";
  const index = [...place.querySelectorAll(takers)].indexOf(document.activeElement);
  return () => place.querySelectorAll(takers)[index]?.focus({ preventScroll: true });
}
