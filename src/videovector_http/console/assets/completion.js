// Completes names of tables and columns while a query is written.

import { fill, h } from "./dom.js";

const WORDS = ["SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "count(*)", "avg(", "sum(", "min(", "max(", "DISTINCT", "LIKE", "ILIKE", "unnest(", "len(", "list_contains(", "JOIN", "ON", "AND", "OR", "NOT", "IS NULL", "DESC"];
const MOST = 8;
const PLAIN = /^[a-z_][a-z0-9_]*$/;

/** A name as a query has to write it. */
export const quoted = (name) => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export class Completion {
  #names = WORDS.map((text) => [text, "word", text]);
  #open = [];
  #at = 0;

  constructor(text) {
    this.text = text;
    this.list = h("ul", { class: "completions", role: "listbox", id: "completions", "aria-label": "Completions", hidden: true });
    this.element = text;
    text.setAttribute("aria-controls", "completions");
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("role", "combobox");
    text.setAttribute("aria-expanded", "false");
    text.addEventListener("input", () => this.#look());
    text.addEventListener("blur", () => setTimeout(() => this.#show([]), 150));
    text.addEventListener("keydown", (event) => this.#key(event));
    queueMicrotask(() => {
      text.parentElement?.classList.add("completing");
      text.after(this.list);
    });
  }

  /** Learns the tables of a catalogue. */
  know(tables) {
    const columns = new Map(tables.flatMap((table) => table.columns.map((one) => [one.name, one.type.split("(")[0].toLowerCase()])));
    this.#names = [
      ...[...columns].map(([name, type]) => [name, type, quoted(name)]),
      ...tables.map((one) => [one.table_name, "table", quoted(one.table_name)]),
      ...WORDS.map((text) => [text, "word", text]),
    ];
  }

  #begun() {
    return /"?[\w.[\]]*$/.exec(this.text.value.slice(0, this.text.selectionStart))[0];
  }

  #look() {
    const begun = this.#begun().replace(/^"/, "").toLowerCase();
    if (!begun) return this.#show([]);
    const found = this.#names.filter(([name]) => name.toLowerCase().includes(begun) && name.toLowerCase() !== begun);
    this.#show(found.sort(([a], [b]) => Number(b.toLowerCase().startsWith(begun)) - Number(a.toLowerCase().startsWith(begun))).slice(0, MOST));
  }

  #show(found) {
    this.#open = found;
    this.#at = 0;
    this.list.hidden = !found.length;
    this.text.setAttribute("aria-expanded", String(Boolean(found.length)));
    fill(this.list, found.map(([name, kind], at) => h("li", { role: "option", id: `completion-${at}`, onpointerdown: (event) => (event.preventDefault(), this.#take(at)) }, h("span", {}, name), h("span", { class: "fine" }, kind))));
    this.#mark();
  }

  #mark() {
    [...this.list.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === this.#at)));
    this.#open.length ? this.text.setAttribute("aria-activedescendant", `completion-${this.#at}`) : this.text.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (!this.#open.length) return;
    const moves = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (moves) this.#at = (this.#at + moves + this.#open.length) % this.#open.length;
    else if (event.key === "Tab" || (event.key === "Enter" && !event.ctrlKey && !event.metaKey)) this.#take(this.#at);
    else if (event.key === "Escape") this.#show([]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#mark();
  }

  #take(at) {
    const end = this.text.selectionStart;
    this.text.setRangeText(this.#open[at][2], end - this.#begun().length, end, "end");
    this.#show([]);
    this.text.focus();
  }
}
