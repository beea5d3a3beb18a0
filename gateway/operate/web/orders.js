// orders: the orders, found by name and status.
import { get } from "./api.js";
import { badge, el, empty, names, table } from "./dom.js";
import { number, when } from "./words.js";

const PAGE = 50, STATUSES = ["", "pending", "ready", "processing", "valid", "invalid"];

const columns = [
  { title: "Names", head: true, show: (one) => el("a", { href: `#/order/${encodeURIComponent(one.id)}` }, names(one.names ?? [one.id])) },
  { title: "Status", show: (one) => badge(one.status ?? "unreadable") },
  { title: "Made", show: (one) => when(one.created_ms) },
  { title: "Policy", show: (one) => one.policy || "–" },
  { title: "Profile", show: (one) => one.profile || "–" },
];

/** What people type: a name, the end of one (.example.org), a pattern (*shop*), or a part of a name. */
function filterOf(text) {
  const typed = text.trim();
  if (typed === "" || /[*?[]/.test(typed) || typed.startsWith(".")) return typed;
  return `*${typed}*`;
}

function form(state, changed) {
  const select = el("select", { id: "status", onchange: () => changed() },
    STATUSES.map((one) => el("option", { value: one, selected: one === state.status }, one || "any")));
  const input = el("input", { id: "search", type: "search", name: "name", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
    value: state.name, placeholder: "www.example.org, .example.org, *shop*", maxlength: 250 });
  const search = el("form", { role: "search", class: "search", onsubmit: (event) => { event.preventDefault(); changed(); } },
    el("label", { for: "search" }, "Name"), input, el("label", { for: "status" }, "Status"), select, el("button", { class: "first" }, "Search"));
  return { search, read: () => ({ name: input.value, status: select.value }) };
}

export async function show(view, ...rest) {
  const asked = new URLSearchParams(rest[0] ?? ""), state = { name: asked.get("name") ?? "", status: asked.get("status") ?? "" };
  const place = el("div"), found = [];
  let next = null;
  const { search, read } = form(state, () => {
    const { name, status } = read();
    view.go(`#/orders?${new URLSearchParams({ name, status })}`);
  });
  async function more() {
    const page = await get(["orders"], { newest: 1, limit: PAGE, after: next, name: filterOf(state.name), state: state.status }, view.signal);
    const first = found.length;
    found.push(...page.items);
    next = page.next;
    draw();
    if (first > 0) place.querySelectorAll("tbody tr a")[first]?.focus();
  }
  function draw() {
    if (found.length === 0) {
      place.replaceChildren(empty(state.name || state.status ? "No order fits. A name is looked for in whole or in part; a dot in front stands for all below it."
        : "There is no order yet. The first one appears as soon as a client asks."));
      return;
    }
    place.replaceChildren(...[table("Orders, the newest first", columns, found, { sortable: false }),
      el("p", { class: "note" }, `${number(found.length)} shown, the newest first.`),
      next && el("p", null, el("button", { type: "button", onclick: () => view.attempt(more) }, "Show more"))].filter(Boolean));
  }
  await more();
  return ["Orders", search, place];
}
