// The shape of an answer, edited as rows of fields or as JSON Schema.

import { fill, h } from "../dom.js";
import { button, field, input, select } from "../parts.js";

const TYPES = [["string", "text"], ["integer", "whole number"], ["number", "number"], ["boolean", "yes or no"], ["array", "list of texts"], ["objects", "list of groups"], ["object", "group"]];

/** Edits a schema; `value` is always what is shown, and `problem` says why it is no schema. */
export class SchemaEditor {
  constructor(schema, onChange) {
    this.schema = structuredClone(schema);
    this.onChange = onChange;
    this.rows = h("div", { class: "schema" });
    this.text = h("textarea", { class: "code", rows: 14, spellcheck: "false" });
    this.text.addEventListener("input", () => this.#typed());
    this.element = h("div", { class: "two" }, h("div", { class: "stack" }, h("h3", {}, "Fields"), this.rows), field("JSON Schema", this.text, "Everything that JSON Schema says may be written here."));
    this.#show();
    this.#write();
  }

  get value() {
    return this.schema;
  }

  #write() {
    this.text.value = JSON.stringify(this.schema, null, 2);
    this.problem = null;
    this.onChange?.();
  }

  #typed() {
    try {
      this.schema = JSON.parse(this.text.value);
      this.problem = null;
      this.#show();
    } catch (error) {
      this.problem = `This is no JSON yet: ${error.message}.`;
    }
    this.onChange?.();
  }

  #show() {
    fill(this.rows, this.#group(this.schema));
  }

  #group(schema) {
    schema.properties ??= {};
    const place = h("div", { class: "schema" });
    const draw = () =>
      fill(
        place,
        Object.keys(schema.properties).map((name) => this.#field(schema, name, draw)),
        h("div", {}, button("Add a field", { kind: "small", sign: "plus", onclick: () => (add(schema), draw(), this.#write()) })),
      );
    draw();
    return place;
  }

  #field(schema, name, draw) {
    const one = schema.properties[name];
    const label = input({ value: name, "aria-label": "Name of the field", pattern: "[A-Za-z_][A-Za-z0-9_]*" });
    const type = select(TYPES, kind(one), { "aria-label": `Type of ${name}` });
    const text = input({ value: one.description ?? "", placeholder: "what it means", "aria-label": `Meaning of ${name}` });
    label.addEventListener("change", () => (rename(schema, name, label.value.trim()), draw(), this.#write()));
    type.addEventListener("change", () => ((schema.properties[name] = typed(type.value, one)), draw(), this.#write()));
    text.addEventListener("change", () => (text.value ? (one.description = text.value) : delete one.description, this.#write()));
    const remove = button("", { kind: "plain", sign: "close", "aria-label": `Remove ${name}`, onclick: () => (delete schema.properties[name], draw(), this.#write()) });
    const inner = kind(one) === "object" ? one : kind(one) === "objects" ? one.items : null;
    return [h("div", { class: "row" }, label, type, text, remove), inner && h("div", { class: "nested" }, this.#group(inner))];
  }
}

function kind(one) {
  const type = Array.isArray(one.type) ? one.type.find((name) => name !== "null") : one.type;
  return type === "array" && one.items?.type === "object" ? "objects" : (type ?? "string");
}

function typed(type, before) {
  const about = before.description ? { description: before.description } : {};
  if (type === "objects") return { type: "array", ...about, items: { type: "object", properties: before.items?.properties ?? before.properties ?? { name: { type: "string" } } } };
  if (type === "array") return { type, ...about, items: { type: "string" } };
  if (type === "object") return { type, ...about, properties: before.items?.properties ?? before.properties ?? { name: { type: "string" } } };
  return { type, ...about };
}

function rename(schema, before, after) {
  if (!after || after === before || after in schema.properties) return;
  schema.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name === before ? after : name, one]));
  if (schema.required) schema.required = schema.required.map((name) => (name === before ? after : name));
}

function add(schema) {
  let number = Object.keys(schema.properties).length + 1;
  while (`field_${number}` in schema.properties) number += 1;
  schema.properties[`field_${number}`] = { type: "string" };
}

/** An answer that fits, as a start for trying a schema. */
export function sample(schema) {
  switch (kind(schema)) {
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, sample(one)]));
    case "array":
    case "objects":
      return [sample(schema.items ?? {})];
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    default:
      return schema.enum?.[0] ?? "some text";
  }
}
