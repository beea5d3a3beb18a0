// figures: what was issued and spent, how long things take, and what the fleet will cost.
import { get } from "./api.js";
import { columns } from "./charts.js";
import { el, empty, section, table } from "./dom.js";
import { duration, money, number } from "./words.js";

const SPANS = [[30, "30 days"], [90, "90 days"], [365, "a year"]], MONTHS = 12;

// ---- by day ----

const shortDay = (day) => new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const count = (value) => number(value);

/** A year of days is drawn as weeks. */
function grouped(days, size) {
  if (size === 1) return days;
  const groups = [];
  for (let i = days.length; i > 0; i -= size) {
    const some = days.slice(Math.max(0, i - size), i), sum = { day: some[0].day };
    for (const key of Object.keys(some[0]).filter((name) => name !== "day")) sum[key] = some.reduce((all, one) => all + one[key], 0);
    groups.unshift(sum);
  }
  return groups;
}

function dayCharts(answer) {
  const size = answer.items.length > 120 ? 7 : 1, days = grouped(answer.items, size);
  const points = (values) => days.map((one) => ({ label: shortDay(one.day), title: size === 1 ? one.day : `week from ${one.day}`, values: values(one) }));
  const first = size === 1 ? "Day (UTC)" : "Week (UTC)", per = size === 1 ? "a day" : "a week";
  return [
    columns(`Certificates ${per}`, points((one) => [Math.max(0, one.certificates - one.replacements), one.replacements]),
      [{ name: "bought", kind: "c1" }, { name: "free replacement", kind: "c2" }], { format: count, first }),
    columns(`Spent ${per}`, points((one) => [one.amount_cents]), [{ name: "spent", kind: "c1" }],
      { format: (value, short) => (short ? number(Math.round(value / 100)) : money(value, answer.currency)), first, note: answer.currency ?? "" }),
  ];
}

// ---- how long ----

function buckets(row) {
  const used = row.buckets.map((one) => one.count > 0);
  const from = Math.max(0, used.indexOf(true) - 1), to = Math.min(row.buckets.length, used.lastIndexOf(true) + 2);
  return row.buckets.slice(from, to).map((one, i) => {
    const end = one.up_to_seconds;
    return { label: end === null ? "more" : `≤ ${duration(end)}`, title: end === null ? "longer" : `up to ${duration(end)}`, values: [one.count], order: i };
  });
}

const LEARNED = { push: "told by push", push_then_poll: "asked after a push", poll: "asked by ourselves" };

function latency(answer) {
  const certificates = answer.items.filter((row) => row.what === "time to certificate");
  const calls = answer.items.filter((row) => row.what === "call to Sectigo");
  const others = answer.items.filter((row) => row.what !== "time to certificate" && row.what !== "call to Sectigo");
  const busiest = [...calls].sort((a, b) => b.count - a.count).slice(0, 2);
  return [
    section("Time to certificate", certificates.length === 0 ? empty("No certificate has come since the start.")
      : el("div", { class: "charts" }, certificates.map((row) => columns(`From finalize to certificate, ${LEARNED[row.of] ?? row.of}`, buckets(row),
        [{ name: "certificates", kind: "c1" }], { format: count, first: "Within", note: `half within ${duration(row.half_within_seconds)}` })))),
    section("Upstream latency", calls.length === 0 ? empty("Sectigo has not been asked since the start.")
      : [el("div", { class: "charts" }, busiest.map((row) => columns(row.of, buckets(row), [{ name: "calls", kind: "c1" }],
        { format: count, first: "Within", note: `half within ${duration(row.half_within_seconds)}` }))),
        latencyTable("Calls to Sectigo", calls)]),
    section("The gateway itself", others.length ? latencyTable("Requests and commits", others) : empty("Nothing was asked since the start.")),
    el("p", { class: "note" }, "Counted since the gateway's last start. Requests include replies that are held back on purpose."),
  ];
}

function latencyTable(title, rows) {
  return table(title, [
    { title: "What", head: true, show: (row) => (row.what === "call to Sectigo" ? row.of : [row.what, row.of && ` (${row.of})`]), value: (row) => row.of ?? row.what },
    { title: "Count", number: true, show: (row) => number(row.count), value: (row) => row.count },
    { title: "Mean", number: true, show: (row) => duration(row.mean_seconds), value: (row) => row.mean_seconds },
    { title: "Half within", number: true, show: (row) => duration(row.half_within_seconds), value: (row) => row.half_within_seconds },
    { title: "95 % within", number: true, show: (row) => duration(row.most_within_seconds), value: (row) => row.most_within_seconds },
  ], rows);
}

// ---- what comes ----

const monthText = (month) => new Date(`${month}-01T00:00:00Z`).toLocaleDateString("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });

/** This month and so many behind it, also those in which nothing is to be done. */
function monthsFromNow(behind) {
  const now = new Date();
  return Array.from({ length: behind + 1 }, (_, i) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + i)).toISOString().slice(0, 7));
}

function forecastCharts(answer, lifetime) {
  const months = monthsFromNow(MONTHS);
  const points = months.map((month) => {
    const rows = answer.items.filter((row) => row.month === month && row.lifetime_days === lifetime);
    const sum = (key) => rows.reduce((all, row) => all + row[key], 0);
    return { month, purchases: sum("purchases"), replacements: sum("replacements"), amount: sum("amount_cents"), over: rows.some((row) => row.over_limit) };
  });
  const over = points.filter((point) => point.over).map((point) => monthText(point.month));
  return [
    el("div", { class: "charts" },
      columns("To be paid a month", points.map((point) => ({ label: monthText(point.month), title: point.month, values: [point.amount] })), [{ name: "purchases", kind: "c1" }],
        { format: (value, short) => (short ? number(Math.round(value / 100)) : money(value, answer.currency)), first: "Month", note: answer.currency ?? "" }),
      columns("Renewals a month", points.map((point) => ({ label: monthText(point.month), title: point.month, values: [point.purchases, point.replacements] })),
        [{ name: "bought", kind: "c1" }, { name: "free replacement", kind: "c2" }], { format: count, first: "Month" })),
    over.length ? el("p", { class: "reason bad" }, `In ${over.join(", ")} a monthly limit would be exceeded: purchases would be held until the month is over.`) : null,
  ];
}

function forecast(answer) {
  if (answer.items.length === 0) return empty("There is nothing to renew in the coming months.");
  const place = el("div"), lifetimes = answer.sums.map((row) => row.lifetime_days);
  const choose = (lifetime) => place.replaceChildren(...forecastCharts(answer, lifetime).filter(Boolean));
  choose(lifetimes[0]);
  return [
    el("fieldset", { class: "choice" }, el("legend", null, "If certificates live for"), lifetimes.map((lifetime, i) =>
      el("label", null, el("input", { type: "radio", name: "lifetime", value: lifetime, checked: i === 0, onchange: () => choose(lifetime) }), ` ${lifetime} days`))),
    place,
    table("All months together", [
      { title: "Lifetime", head: true, show: (row) => `${row.lifetime_days} days`, value: (row) => row.lifetime_days },
      { title: "Purchases", number: true, show: (row) => number(row.purchases), value: (row) => row.purchases },
      { title: "Free replacements", number: true, show: (row) => number(row.replacements), value: (row) => row.replacements },
      { title: "To be paid", number: true, show: (row) => money(row.amount_cents, answer.currency), value: (row) => row.amount_cents },
      { title: "Without a price", number: true, show: (row) => number(row.unpriced), value: (row) => row.unpriced },
    ], answer.sums),
  ];
}

function costs(answer) {
  if (answer.items.length === 0) return empty("Nothing was bought yet.");
  return table("Spent by month", [
    { title: "Month", head: true, show: (row) => row.month, value: (row) => row.month },
    { title: "Policy", show: (row) => row.policy || "–", value: (row) => row.policy },
    { title: "Profile", show: (row) => row.profile || "–", value: (row) => row.profile },
    { title: "Login", show: (row) => row.login, value: (row) => row.login },
    { title: "Purchases", number: true, show: (row) => number(row.purchases), value: (row) => row.purchases },
    { title: "Replacements", number: true, show: (row) => number(row.replacements), value: (row) => row.replacements },
    { title: "Refunds", number: true, show: (row) => number(row.refunds), value: (row) => row.refunds },
    { title: "Amount", number: true, show: (row) => money(row.amount_cents, answer.currency), value: (row) => row.amount_cents },
  ], [...answer.items].reverse());
}

export async function show(view, ...rest) {
  const asked = Number(new URLSearchParams(rest[0] ?? "").get("days")), span = SPANS.some(([days]) => days === asked) ? asked : 30;
  const [days, latencies, cost] = await Promise.all([get(["days"], { days: span }), get(["latency"]), get(["cost"])]);
  const coming = el("div", null, empty("The forecast walks through every subscription, which takes a moment."));
  view.attempt(async () => {
    try {
      coming.replaceChildren(...[forecast(await get(["forecast"], { months: MONTHS }, view.signal))].flat());
    } catch (error) {
      coming.replaceChildren(empty(`There is no forecast: ${error.message}`));
      throw error;
    }
  });
  return ["Figures",
    el("p", { class: "choice", role: "group", "aria-label": "How far back" }, SPANS.map(([each, text]) =>
      el("a", { href: `#/figures?days=${each}`, "aria-current": each === span ? "true" : null }, text))),
    section("Issued and spent", el("div", { class: "charts" }, dayCharts(days))),
    latency(latencies),
    section("What comes", coming),
    section("Spent by month", costs(cost))];
}
