// charts: columns by day, month or bucket, drawn as wide as there is room, with the numbers beside them as a table.
import { el, svg, table } from "./dom.js";

const HEIGHT = 200, LEFT = 56, RIGHT = 8, TOP = 10, BOTTOM = 28, LABEL_ROOM = 64, THICK = 72;

/** 1, 2 or 5 times a power of ten, so that at most four lines stand between 0 and the highest. */
function steps(highest, wholeOnly) {
  if (highest <= 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(highest / 4));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => highest / each <= 4);
  if (wholeOnly) step = Math.max(1, Math.round(step));
  const lines = [];
  for (let value = 0; value < highest + step * 0.999; value += step) lines.push(value);
  return lines;
}

function column(point, series, { x, width, scale, format }) {
  let base = 0;
  const said = series.map((one, i) => `${one.name}: ${format(point.values[i])}`).join(", ");
  const parts = series.map((one, i) => {
    const value = Math.max(0, point.values[i]);
    const top = scale(base + value), height = scale(base) - top;
    base += value;
    return height > 0 && svg("rect", { class: one.kind, x, y: top, width, height: Math.max(height, 1.5), rx: 1.5 });
  });
  return svg("g", { class: "column" }, svg("title", null, `${point.title ?? point.label}\n${said}`),
    svg("rect", { class: "reach", x: x - 1, y: TOP, width: width + 2, height: HEIGHT - TOP - BOTTOM }), parts);
}

function draw(points, series, width, format, wholeOnly) {
  const highest = Math.max(0, ...points.map((point) => point.values.reduce((sum, value) => sum + Math.max(0, value), 0)));
  const lines = steps(highest, wholeOnly), limit = lines[lines.length - 1];
  const inner = width - LEFT - RIGHT, each = inner / points.length;
  const scale = (value) => HEIGHT - BOTTOM - (value / limit) * (HEIGHT - TOP - BOTTOM);
  const every = Math.max(1, Math.ceil(LABEL_ROOM / each));
  const thick = Math.max(1, Math.min(THICK, each - 2 * Math.min(each * 0.14, 6)));
  const middle = (i) => LEFT + (i + 0.5) * each, left = (i) => middle(i) - thick / 2;
  const isWide = (i) => middle(i) + points[i].label.length * 3.4 > width;
  return [
    lines.map((value) => [
      svg("line", { class: value ? "line" : "base", x1: LEFT, x2: width - RIGHT, y1: scale(value), y2: scale(value) }),
      svg("text", { x: LEFT - 8, y: scale(value) + 4, "text-anchor": "end" }, format(value, true))]),
    points.map((point, i) => column(point, series, { x: left(i), width: thick, scale, format })),
    points.map((point, i) => (points.length - 1 - i) % every === 0 &&
      svg("text", isWide(i) ? { x: width, y: HEIGHT - 8, "text-anchor": "end" }
        : { x: middle(i), y: HEIGHT - 8, "text-anchor": "middle" }, point.label)),
  ].flat(Infinity).filter(Boolean);
}

/** points: {label, title, values: one for each of series}; series: {name, kind: a class of look.css}. format(value,
 * short) gives the text of a value. */
export function columns(title, points, series, { format = String, wholeOnly = true, first = "Day", note } = {}) {
  const area = svg("svg", { role: "img", "aria-label": `${title}: a chart; the numbers are in the table below it` });
  const figure = el("figure", { class: "chart" },
    el("figcaption", null, el("strong", null, title), note ? el("span", { class: "note" }, note) : null,
      series.length > 1 && el("span", { class: "legend" },
        series.map((one) => el("span", null, svg("svg", { width: 10, height: 10, "aria-hidden": "true" },
          svg("rect", { class: one.kind, width: 10, height: 10, rx: 2 })), one.name)))),
    area,
    el("details", null, el("summary", null, "The numbers"),
      table(title, [{ title: first, head: true, show: (point) => point.title ?? point.label },
        ...series.map((one, i) => ({ title: one.name, number: true, show: (point) => format(point.values[i]) }))],
      points, { sortable: false })));
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (width <= 0 || area.getAttribute("width") === String(width)) return;
    for (const [name, value] of Object.entries({ width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` }))
      area.setAttribute(name, value);
    area.replaceChildren(...draw(points, series, width, format, wholeOnly));
  }).observe(figure);
  return figure;
}

/** How much of a limit is used. */
export function gauge(used, most, label) {
  const part = most > 0 ? Math.min(1, used / most) : 0;
  const kind = part >= 1 ? "bad" : part >= 0.8 ? "warn" : "good";
  return svg("svg", { class: "gauge", viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("rect", { class: "track", width: 100, height: 6 }),
    svg("rect", { class: kind, width: part > 0 ? Math.max(1, part * 100) : 0, height: 6 }));
}
