// dom: elements made of data. What comes from the gateway is put in as text alone: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** An element; attributes that are null, undefined or false are left out, those that begin with "on" are listeners. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A heading and what stands below it. */
export function section(title, ...children) {
  const id = "s-" + title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...children);
}

export function empty(sentence) {
  return el("p", { class: "empty" }, sentence);
}

/** A word in a coloured frame, for states; the word alone tells all. */
export function badge(state) {
  const kinds = {
    good: ["valid", "live", "open", "collected", "enabled", "active"],
    bad: ["held", "blocked", "invalid", "dead", "refused", "failing", "unreachable", "revoked", "no credit", "unknown",
      "withheld", "behind", "unreadable"],
    warn: ["cancelling", "paused", "reconciling", "restored", "asking", "expired", "disabled", "revoking"],
  };
  const kind = Object.keys(kinds).find((name) => kinds[name].includes(state)) ?? "plain";
  return el("span", { class: `badge ${kind}` }, state ?? "–");
}

/** Names with room to break at dots; of many the first ones. */
export function names(list, most = 3) {
  const shown = (list ?? []).slice(0, most);
  const more = (list ?? []).length - shown.length;
  return el("span", { class: "names" },
    shown.map((name, i) => [i ? ", " : null, el("span", { class: "name" }, dotted(name))]),
    more > 0 ? ` and ${more} more` : null,
    shown.length === 0 ? "–" : null);
}

function dotted(name) {
  return String(name).split(/(?=\.)/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
}

// ---- tables ----

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en");
}

function heading(column, sort, sorted) {
  const numeric = column.number ? "number" : null;
  if (!sort || !column.value) return el("th", { scope: "col", class: numeric }, column.title);
  const order = sorted?.column === column ? (sorted.down ? "descending" : "ascending") : null;
  return el("th", { scope: "col", class: numeric, "aria-sort": order },
    el("button", { type: "button", class: "sort", onclick: () => sort(column) }, column.title,
      el("span", { class: "arrow", "aria-hidden": "true" }, order ? (sorted.down ? "↓" : "↑") : "")));
}

function row(columns, item) {
  return el("tr", null, columns.map((column) =>
    el(column.head ? "th" : "td",
      { scope: column.head ? "row" : null, class: column.number ? "number" : column.wide ? "wide" : null,
        "data-title": column.title }, column.show(item))));
}

/** columns: {title, show(item), value(item) to sort by, number, head, wide}. sortable: by its headings, where the list
 * is whole. caption is for who does not see the heading above. */
export function table(caption, columns, items, { sortable = true } = {}) {
  const body = el("tbody"), head = el("thead");
  let sorted = null;
  function draw() {
    const list = [...items];
    if (sorted) list.sort((a, b) => compare(sorted.column.value(a), sorted.column.value(b)) * (sorted.down ? -1 : 1));
    head.replaceChildren(el("tr", null, columns.map((column) => heading(column, sortable ? sort : null, sorted))));
    body.replaceChildren(...list.map((item) => row(columns, item)));
  }
  function sort(column) {
    sorted = { column, down: sorted?.column === column && !sorted.down };
    draw();
    head.querySelectorAll("th")[columns.indexOf(column)].querySelector("button").focus();
  }
  draw();
  return el("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    el("table", null, el("caption", { class: "unseen" }, caption), head, body));
}

/** [label, value] pairs; those without a value are left out. */
export function facts(pairs) {
  return el("dl", { class: "facts" },
    pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([label, value]) => el("div", null, el("dt", null, label), el("dd", null, value))));
}
