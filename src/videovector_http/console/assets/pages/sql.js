// A query over what was extracted: the catalogue beside it, completion while it is written, a chart of what it found.

import { get, post } from "../api.js";
import { chart, numeric } from "../chart.js";
import { Completion, quoted } from "../completion.js";
import { fill, h, icon } from "../dom.js";
import { clock, count } from "../format.js";
import { button, dialog, empty, field, head, link, load, select, skeletons } from "../parts.js";
import { go, href, keep } from "../router.js";

export default async function page({ main, query, signal }) {
  const indexes = await get("/indexes", {}, { signal });
  if (!indexes.length) return fill(main, head("SQL"), empty("sql", "Nothing to ask yet", "Tables appear as soon as a prompt has run over an index.", link("Go to the indexes", "/", {}, { class: "button primary" })));
  const index = query.index ?? indexes[0].index_id;
  const where = select(indexes.map((one) => [one.index_id, one.name]), index, { "aria-label": "Index" });
  where.addEventListener("change", () => go("/sql", { index: where.value }));
  const text = h("textarea", { class: "code", spellcheck: "false", "data-search": true, maxlength: 20000, value: query.q ?? "" });
  const results = h("div", { class: "stack" });
  const aside = h("aside", { class: "card", "aria-label": "Catalogue" });
  const asked = button("Run", { kind: "primary", sign: "play", onclick: () => run() });
  const run = () => {
    keep({ q: text.value, index: where.value }, { push: true });
    return ask({ index: where.value, text: text.value, results, signal });
  };
  const words = h("div", { class: "row" }, asked, h("span", { class: "fine" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter")), where, button("Write it for me", { kind: "small", onclick: () => write(where.value, text) }));
  const completion = new Completion(text);
  text.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && (event.preventDefault(), run()));
  fill(main, head("SQL", { lead: "One SELECT over the results of your runs. Only your own rows are there." }), h("div", { class: "query" }, h("div", { class: "stack" }, field("Query", completion.element), words, results), aside));
  load(
    aside,
    () => post(`/search/sql/${index}/catalog`, {}, { signal }),
    (catalogue) => {
      completion.know(catalogue.tables);
      if (!text.value && catalogue.tables[0]) text.value = catalogue.tables[0].default_query;
      if (query.q) ask({ index, text: query.q, results, signal });
      return shown(catalogue, text);
    },
    { waits: skeletons(6), signal },
  );
}

function shown(catalogue, text) {
  if (!catalogue.tables.length) return empty("sql", "No tables yet", "Run a prompt over this index first.");
  const put = (name) => {
    text.setRangeText(name, text.selectionStart, text.selectionEnd, "end");
    text.focus();
  };
  return [
    h("h2", {}, "Tables"),
    catalogue.tables.map((one, at) =>
      h(
        "details",
        { open: at === 0 },
        h("summary", {}, one.table_name),
        h("p", { class: "fine" }, one.prompt_name, one.row_count === null ? "" : ` · ${count(one.row_count, "row")}`),
        button("Use its query", { kind: "small", "aria-label": `Use its query: ${one.table_name}`, onclick: () => ((text.value = one.default_query), text.focus()) }),
        h("ul", {}, one.columns.map((column) => h("li", {}, h("button", { type: "button", onclick: () => put(quoted(column.name)) }, column.name), h("span", { class: "fine" }, column.type.split("(")[0].toLowerCase())))),
      ),
    ),
  ];
}

function ask({ index, text, results, signal }) {
  return load(results, () => post(`/search/sql/${index}`, { query: text, result_limit: 1000 }, { signal }), (found) => answer(found), { waits: skeletons(6), signal });
}

function answer(found) {
  const { columns, rows, row_context: moments } = found;
  const note = h("p", { class: "fine", role: "status" }, count(rows.length, "row"), found.truncated ? `, cut at ${found.applied_result_limit}` : "", found.elapsed_ms === null ? "" : ` in ${count(found.elapsed_ms)} ms`);
  if (!rows.length) return [note, empty("sql", "No rows", "The query is right, but nothing meets it.")];
  const drawn = chart(columns, rows);
  const plays = moments.some((one) => one?.video_id);
  return [
    note,
    drawn && h("figure", { class: "card" }, h("figcaption", { class: "fine" }, drawn.title), drawn.element),
    h(
      "div",
      { class: "scroll rows", tabindex: 0, role: "region", "aria-label": "Rows" },
      h(
        "table",
        {},
        h("caption", { class: "hidden" }, "Rows"),
        h("thead", {}, h("tr", {}, plays ? h("th", { scope: "col" }, "Moment") : null, columns.map((one) => h("th", { scope: "col", class: numeric(one) ? "num" : null }, one.name)))),
        h("tbody", {}, rows.map((row, at) => h("tr", {}, plays ? h("td", {}, play(moments[at])) : null, columns.map((one) => h("td", { class: numeric(one) ? "num" : null, title: shownAs(row[one.name]) }, shownAs(row[one.name])))))),
      ),
    ),
  ];
}

const play = (one) => (one?.video_id ? h("a", { class: "button small", href: href(`/media/${one.video_id}`, { run: one.run_id, index: one.index_id, t: one.start_time, play: 1 }) }, icon("play"), clock(one.start_time)) : null);

const shownAs = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : typeof value === "number" && !Number.isInteger(value) ? String(Math.round(value * 1000) / 1000) : String(value));

function write(index, text) {
  const wish = h("textarea", { rows: 3, required: true, placeholder: "How many segments are there of each place?" });
  dialog("Write a query", field("What do you want to know?", wish, "A model drafts it; you run it."), {
    action: "Draft",
    act: async () => {
      const found = await post(`/search/sql/${index}/generate`, { instruction: wish.value, ...(text.value ? { existing_query: text.value } : {}) });
      text.value = found.query;
    },
  });
}
