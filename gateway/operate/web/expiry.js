// expiry: a calendar of the days on which certificates end, and what ends on one of them.
import { get } from "./api.js";
import { el, empty, names, section, table } from "./dom.js";
import { dateText, number, on, plural, when } from "./words.js";

const DAYS = 90, PAGE = 1000, PAGES = 5, DAY_MS = 86400000;
const WEEKDAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

const monthTitle = (day) => new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** From how many on a day is darker: by the busiest. */
function depth(count, most) {
  return count === 0 ? null : `d${Math.max(1, Math.ceil((count / most) * 4))}`;
}

function cell(one, most, chosen, choose) {
  const day = Number(one.day.slice(8));
  if (!one.certificates) return el("td", { class: one.day === chosen ? "chosen" : null }, el("span", { class: "of" }, day));
  return el("td", { class: [depth(one.certificates, most), one.day === chosen && "chosen"].filter(Boolean).join(" ") },
    el("button", { type: "button", "data-day": one.day, "aria-pressed": one.day === chosen ? "true" : "false", onclick: () => choose(one.day),
      "aria-label": `${one.day}: ${plural(one.certificates, "certificate")} ${one.certificates === 1 ? "ends" : "end"}` },
    el("span", { class: "of" }, day), el("span", { class: "count" }, number(one.certificates))));
}

function month(days, most, chosen, choose) {
  const cells = [], before = (new Date(`${days[0].day}T00:00:00Z`).getUTCDay() + 6) % 7;
  for (let i = 0; i < before; i++) cells.push(el("td", { class: "none" }));
  cells.push(...days.map((one) => cell(one, most, chosen, choose)));
  while (cells.length % 7) cells.push(el("td", { class: "none" }));
  const weeks = [];
  for (let i = 0; i < cells.length; i += 7) weeks.push(el("tr", null, cells.slice(i, i + 7)));
  return el("table", { class: "month" }, el("caption", null, monthTitle(days[0].day)),
    el("thead", null, el("tr", null, WEEKDAYS.map((name) => el("th", { scope: "col" }, name)))), el("tbody", null, weeks));
}

function calendar(items, chosen, choose) {
  const most = Math.max(...items.map((one) => one.certificates)), months = new Map();
  for (const one of items) months.set(one.day.slice(0, 7), [...(months.get(one.day.slice(0, 7)) ?? []), one]);
  return el("div", { class: "months" }, [...months.values()].map((days) => month(days, most, chosen, choose)));
}

const columns = [
  { title: "Names", head: true, show: (one) => names(one.names), value: (one) => one.names?.[0] },
  { title: "Ends", show: (one) => on(one.not_after_ms), value: (one) => one.not_after_ms },
  { title: "In", show: (one) => when(one.not_after_ms), value: (one) => one.not_after_ms },
  { title: "Policy", show: (one) => one.policy || "–", value: (one) => one.policy },
  { title: "Serial number", show: (one) => el("code", null, one.serial_number), value: (one) => one.serial_number },
];

/** Those that end within so many days, at most a few thousand. */
async function expiring(days, signal) {
  const found = [];
  let next = null, pages = 0;
  do {
    const page = await get(["expiring"], { days, limit: PAGE, after: next }, signal);
    found.push(...page.items);
    next = page.next;
  } while (next && ++pages < PAGES);
  return { found: found.sort((a, b) => a.not_after_ms - b.not_after_ms), more: next !== null };
}

export async function show(view) {
  const { items } = await get(["calendar"], { days: DAYS });
  const first = new Date(`${items[0].day}T00:00:00Z`).getTime(), total = items.reduce((sum, one) => sum + one.certificates, 0);
  const months = el("div"), list = el("div", { "aria-live": "polite" });
  let chosen = null;
  async function choose(day) {
    chosen = day;
    months.replaceChildren(calendar(items, chosen, (one) => view.attempt(() => choose(one))));
    months.querySelector(`[data-day="${day}"]`)?.focus();
    const from = new Date(`${day}T00:00:00Z`).getTime();
    const { found, more } = await expiring(Math.ceil((from - first) / DAY_MS) + 1, view.signal);
    if (chosen !== day) return;
    showList(`End on ${dateText(from + DAY_MS / 2)}`, found.filter((one) => one.not_after_ms >= from && one.not_after_ms < from + DAY_MS), more);
  }
  function showList(title, found, more) {
    list.replaceChildren(section(title, found.length ? table(title, columns, found) : empty("None."),
      more && el("p", { class: "note" }, "There are more than are looked at here; acmegatectl expiring --all has all.")));
  }
  months.replaceChildren(calendar(items, null, (one) => view.attempt(() => choose(one))));
  view.attempt(async () => {
    const { found, more } = await expiring(30, view.signal);
    if (chosen === null) showList("End within 30 days", found, more);
  });
  return ["Expiry",
    el("p", { class: "lead" }, total ? `${plural(total, "certificate")} ${total === 1 ? "ends" : "end"} within ${DAYS} days (UTC) while nothing newer is there. Most clients renew when a third of the time is left.`
      : `No certificate that is in use ends within ${DAYS} days.`),
    months, list];
}
