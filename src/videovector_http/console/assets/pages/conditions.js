// Conditions on extracted fields; which fields there are is read from the catalogue of the index.

import { post } from "../api.js";
import { fill, h } from "../dom.js";
import { words } from "../format.js";
import { button, input, select } from "../parts.js";

const MOST = 4;
const OPERATORS = {
  string: ["contains", "equals", "starts_with", "ends_with", "is_empty", "is_not_empty"],
  integer: ["equals", "greater_than", "greater_equal", "less_than", "less_equal"],
  number: ["equals", "greater_than", "greater_equal", "less_than", "less_equal"],
  boolean: ["equals"],
  array: ["item_contains", "item_equals", "length_equals", "length_greater", "length_less", "is_empty", "is_not_empty"],
};
const VALUELESS = new Set(["is_empty", "is_not_empty"]);

/** The type that a condition takes a column for. */
function typeOf(path, column) {
  if (path.endsWith("[]")) return "array";
  const base = path.includes("[]") ? column.replace(/\[\]$/, "") : column;
  if (/^(BIGINT|INTEGER|HUGEINT)$/.test(base)) return "integer";
  if (/^(DOUBLE|FLOAT|DECIMAL)/.test(base)) return "number";
  if (base === "BOOLEAN") return "boolean";
  return "string";
}

export class Conditions {
  #fields = null;
  #rows = [];

  constructor({ index, given, signal }) {
    this.index = index;
    this.signal = signal;
    this.place = h("div", { class: "conditions" });
    this.add = button("Add a condition", { kind: "small", sign: "filter", onclick: () => this.#add() });
    try {
      for (const one of JSON.parse(given || "[]")) this.#add(one);
    } catch {
      // an address that was changed by hand holds no conditions
    }
  }

  /** Looks at another index. */
  from(index) {
    this.index = index;
    this.#fields = null;
  }

  /** The conditions as they stand in the address, or nothing. */
  text() {
    const given = this.#rows.map((row) => row.read()).filter(Boolean);
    return given.length ? JSON.stringify(given) : "";
  }

  async #known() {
    if (this.#fields) return this.#fields;
    const found = new Map();
    if (this.index !== "playground" && this.index !== "all") {
      const catalogue = await post(`/search/sql/${this.index}/catalog`, {}, { signal: this.signal }).catch(() => ({ tables: [] }));
      for (const table of catalogue.tables) for (const one of table.columns) if (one.path) found.set(one.path, typeOf(one.path, one.type));
    }
    this.#fields = [...found];
    return this.#fields;
  }

  async #add(given = {}) {
    if (this.#rows.length >= MOST) return;
    const place = h("div", { class: "row" });
    const row = { read: () => given.field && given };
    this.#rows.push(row);
    this.place.append(place);
    const fields = await this.#known();
    const path = fields.length && (!given.field || fields.some(([name]) => name === given.field))
      ? select(fields, given.field, { "aria-label": "Field" })
      : input({ value: given.field ?? "", placeholder: "field.path", "aria-label": "Field" });
    for (const option of path.options ?? []) option.textContent = option.value;
    const operator = select([], "", { "aria-label": "Comparison" });
    const value = input({ value: given.value ?? "", "aria-label": "Value" });
    const type = () => fields.find(([name]) => name === path.value)?.[1] ?? given.type ?? "string";
    const shown = () => {
      fill(operator, OPERATORS[type()].map((one) => h("option", { value: one, selected: one === (operator.value || given.operator) }, words(one))));
      if (given.operator && OPERATORS[type()].includes(given.operator)) operator.value = given.operator;
      given = { ...given, operator: null };
      value.hidden = VALUELESS.has(operator.value);
    };
    path.addEventListener("change", shown);
    operator.addEventListener("change", () => (value.hidden = VALUELESS.has(operator.value)));
    row.read = () => {
      if (!path.value) return null;
      const one = { field: path.value, operator: operator.value, type: type() };
      if (VALUELESS.has(one.operator)) return one;
      if (value.value === "") return null;
      return { ...one, value: typed(value.value, one) };
    };
    shown();
    fill(place, path, operator, value, button("", { kind: "plain", sign: "close", "aria-label": "Remove the condition", onclick: () => (place.remove(), (this.#rows = this.#rows.filter((one) => one !== row))) }));
  }
}

function typed(text, { type, operator }) {
  if (type === "integer" || type === "number" || operator.startsWith("length_")) return Number(text);
  return type === "boolean" ? text === "true" : text;
}
