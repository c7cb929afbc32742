// What was counted, what is left, and whether the server is well.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, count, moment, words } from "../format.js";
import { bar, facts, head, load, pill, skeletons, table } from "../parts.js";

const MONTH = { month: "long", year: "numeric", timeZone: "UTC" };

export default async function page({ main, signal }) {
  const places = [h("section", { class: "card" }), h("section", { class: "card" }), h("section", { class: "card" }), h("section", { class: "card" })];
  fill(main, head("Usage & health"), h("div", { class: "two" }, places));
  const part = (at, title, path, shown, query) => load(places[at], () => get(path, query, { signal }), (found) => [h("h2", {}, title), shown(found)], { waits: skeletons(3), signal });
  await Promise.all([
    load(places[0], () => health(signal), shownHealth, { waits: skeletons(3), signal }),
    part(1, "This month", "/usage", month),
    part(2, "Rate limits", "/rate-limit/status", limits),
    part(3, "Months before", "/usage/history", history),
  ]);
}

async function health(signal) {
  const answer = await fetch("/health", { signal });
  return answer.json();
}

const shownHealth = (found) => [
  h("h2", {}, "Health ", pill(found.status)),
  facts([["Version", found.version], ...Object.entries(found.checks).map(([name, one]) => [words(name), one.status === "ok" ? `${count(one.elapsed_ms)} ms` : (one.message ?? "failed")])]),
];

const value = (name, number) => (name.endsWith("bytes") ? bytes(number) : count(number));

const month = (found) => [
  h("p", { class: "fine" }, `since ${moment(found.period_start)}`),
  facts(Object.entries(found.metrics).map(([name, number]) => [words(name), value(name, number)])),
  models(found.model_usage),
];

function models(used) {
  const rows = Object.entries(used).map(([model, numbers]) => ({ model, ...numbers }));
  if (!rows.length) return null;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== "model");
  return [table("Models", [["Model", (row) => row.model], ...names.map((name) => [words(name), (row) => value(name, row[name] ?? 0), "num"])], rows)];
}

function limits(found) {
  const rows = Object.entries(found.categories);
  if (!rows.length) return h("p", { class: "fine" }, "This server limits nothing.");
  return h("div", { class: "stack" }, rows.map(([name, one]) => h("div", {}, h("div", { class: "row" }, h("strong", { class: "grow" }, words(name)), h("span", { class: "fine" }, `${count(one.minute_used)} of ${count(one.minute_limit)} this minute · ${count(one.hour_used)} of ${count(one.hour_limit)} this hour`)), bar(`${name} this hour`, Math.min(1, one.hour_used / (one.hour_limit || 1))))));
}

function history(found) {
  if (!found.periods.length) return h("p", { class: "fine" }, "Nothing was counted before this month.");
  const rows = found.periods.map((one) => ({ month: new Date(one.period_start).toLocaleDateString("en", MONTH), searches: one.totals.search_queries ?? 0, tokens: (one.totals.input_tokens ?? 0) + (one.totals.output_tokens ?? 0) }));
  return table("Months", [["Month", (row) => row.month], ["Searches", (row) => count(row.searches), "num"], ["Tokens", (row) => count(row.tokens), "num"]], rows);
}
