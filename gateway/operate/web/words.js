// words: times, money and numbers as people read them.
import { el } from "./dom.js";

const UNITS = [["day", 86400000], ["hour", 3600000], ["minute", 60000], ["second", 1000]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const whole = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit",
  minute: "2-digit", second: "2-digit" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(new Date())
  .find((part) => part.type === "timeZoneName")?.value ?? "";

export const zoneName = zone;
export const clockTime = (ms) => clock.format(ms);
export const wholeTime = (ms) => `${whole.format(ms)} ${zone}`;
export const dateText = (ms) => date.format(ms);

export function distance(ms, now = Date.now()) {
  const difference = ms - now;
  const [unit, length] = UNITS.find(([, each]) => Math.abs(difference) >= each) ?? ["second", 1000];
  return relative.format(Math.round(difference / length), unit);
}

/** How long ago, or until when; the whole time when pointed at. */
export function when(ms) {
  return ms ? el("time", { datetime: new Date(ms).toISOString(), title: wholeTime(ms) }, distance(ms)) : "–";
}

export function at(ms) {
  return ms ? el("time", { datetime: new Date(ms).toISOString(), title: distance(ms) }, wholeTime(ms)) : "–";
}

export function on(ms) {
  return ms ? el("time", { datetime: new Date(ms).toISOString(), title: wholeTime(ms) }, dateText(ms)) : "–";
}

export function money(cents, currency, short = false) {
  if (cents === null || cents === undefined) return "–";
  const digits = !short || Math.abs(cents) < 100000 ? {} : Math.abs(cents) < 10000000 ? { maximumFractionDigits: 0 }
    : { notation: "compact", maximumFractionDigits: 1 };
  if (!currency) return (cents / 100).toFixed(2);
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code", ...digits }).format(cents / 100);
  } catch {
    return `${(cents / 100).toFixed(2)} ${currency}`;
  }
}

export const number = (value) => (value === null || value === undefined ? "–" : new Intl.NumberFormat("en").format(value));

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "longer";
  const units = [["d", 86400, 172800], ["h", 3600, 7200], ["min", 60, 120], ["s", 1, 1], ["ms", 0.001, 0.001], ["µs", 0.000001, 0]];
  const [unit, length] = units.find(([, , from]) => seconds >= from);
  return `${Number((seconds / length).toPrecision(3))} ${unit}`;
}

export const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;
