// What several pages show in the same way.

import { fresh } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { words } from "./format.js";
import { href } from "./router.js";

export const button = (text, { kind = "", sign, ...props } = {}) =>
  h("button", { type: "button", class: `button ${kind}`, ...props }, sign && icon(sign), text);

export const link = (text, path, query, props = {}) => h("a", { href: href(path, query), ...props }, text);

export const pill = (status, text) => h("span", { class: `pill ${status}` }, text ?? words(status));

/** The head of a page: what it is, what it says, and what can be done here. */
export function head(title, { back, lead, actions = [] } = {}) {
  return h(
    "header",
    { class: "head" },
    h("div", { class: "grow" }, back && h("p", { class: "crumb" }, back), h("h1", { tabindex: -1 }, title), lead && h("p", { class: "lead" }, lead)),
    h("div", { class: "actions" }, actions),
  );
}

/** An empty place, and the way on from it. */
export const empty = (sign, title, text, ...actions) =>
  h("div", { class: "empty" }, icon(sign), h("h2", {}, title), h("p", {}, text), h("div", { class: "actions" }, actions));

/** What went wrong and what to do, in the server's own words. */
export function problem(error, again) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", {}, error.message),
    h(
      "p",
      { class: "fine" },
      error.code ? h("code", {}, error.code) : null,
      error.requestId ? ` · request ${error.requestId}` : null,
    ),
    again && button("Try again", { sign: "retry", onclick: again }),
  );
}

/** Grey shapes where something is about to be. */
export const skeletons = (count, kind = "line") =>
  h("div", { class: `waiting of-${kind}`, "aria-hidden": "true" }, Array.from({ length: count }, () => h("div", { class: `skeleton is-${kind}` })));

/** Fills a place with what a promise brings: shapes first, then the thing, or the problem and a way to try again. */
export async function load(place, fetched, shown, { waits = skeletons(4), signal } = {}) {
  fill(place, waits);
  place.setAttribute("aria-busy", "true");
  try {
    const found = await fetched();
    if (!signal?.aborted) fill(place, await shown(found));
  } catch (error) {
    if (error.name === "AbortError" || signal?.aborted) return;
    fill(place, problem(error, () => load(place, fetched, shown, { waits, signal })));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** Says something in passing; an error stays until it is closed. */
export function toast(text, { error = false } = {}) {
  const note = h("div", { class: error ? "toast error" : "toast" }, h("span", {}, text));
  note.append(button("", { kind: "plain", sign: "close", "aria-label": "Dismiss", onclick: () => note.remove() }));
  document.querySelector("#toasts").append(note);
  if (!error) setTimeout(() => note.remove(), 5000);
}

/** Does something on behalf of a button, which waits meanwhile; says what went wrong. */
export async function attempt(act, at) {
  at?.setAttribute("disabled", "");
  try {
    return await act();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, { error: true });
    return undefined;
  } finally {
    at?.removeAttribute("disabled");
  }
}

let fields = 0;

/** A control with its label, and a line of help below it. */
export function field(label, control, help) {
  control.id ||= `field-${(fields += 1)}`;
  const hint = help && h("p", { class: "fine", id: `${control.id}-help` }, help);
  if (hint) control.setAttribute("aria-describedby", hint.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hint);
}

export const input = (props) => h("input", { type: "text", autocomplete: "off", ...props });

export const select = (options, value, props = {}) =>
  h("select", props, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));

export function checkbox(label, checked, props = {}) {
  const box = h("input", { type: "checkbox", checked, ...props });
  return [h("label", { class: "check" }, box, h("span", {}, label)), box];
}

/** Asks for something in a dialog; `fill` makes its form, `act` does it and answers whether to close. */
export function dialog(title, content, { action, act, danger = false } = {}) {
  const note = h("div", {});
  const heading = `title-${fresh().slice(0, 8)}`;
  const doer = action && button(action, { kind: danger ? "danger" : "primary", type: "submit" });
  const form = h("form", { class: "dialog", method: "dialog" }, h("h2", { id: heading }, title), content, note);
  form.append(h("div", { class: "actions" }, button(action ? "Cancel" : "Close", { onclick: () => box.close() }), doer));
  const box = h("dialog", { "aria-labelledby": heading }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!act) return box.close();
    doer.setAttribute("disabled", "");
    try {
      if ((await act()) !== false) box.close();
    } catch (error) {
      fill(note, problem(error));
    } finally {
      doer.removeAttribute("disabled");
    }
  });
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Shows a secret this once. */
export function secret(title, text, value) {
  const shown = h("code", { class: "secret", tabindex: 0 }, value);
  dialog(title, [
    h("p", {}, text),
    shown,
    button("Copy", {
      sign: "copy",
      onclick: async () => {
        getSelection().selectAllChildren(shown);
        await navigator.clipboard?.writeText(value).catch(() => {});
        toast("Copied.");
      },
    }),
  ]);
}

/** A table; columns are `[title, cell of row, class]`. */
export function table(label, columns, rows) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, label),
      h("thead", {}, h("tr", {}, columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title || h("span", { class: "hidden" }, "Actions"))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map(([, cell, kind]) => h("td", { class: kind }, cell(row)))))),
    ),
  );
}

/** Terms and what they are. */
export const facts = (pairs) =>
  h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"))));

export const bar = (label, share) =>
  h(
    "div",
    { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share * 100) },
    h("div", { style: { width: `${share * 100}%` } }),
  );

/** Stored metadata as a tree of text. */
export function tree(value) {
  if (Array.isArray(value)) {
    if (value.every((one) => one === null || typeof one !== "object"))
      return h("ul", { class: "chips" }, value.map((one) => h("li", {}, String(one))));
    return h("ol", { class: "tree" }, value.map((one) => h("li", {}, tree(one))));
  }
  if (value !== null && typeof value === "object")
    return h("dl", { class: "tree" }, Object.entries(value).map(([name, one]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, tree(one)))));
  return h("span", { class: typeof value === "string" ? "text" : "scalar" }, value === null ? "–" : String(value));
}

/** What a person reads first in stored metadata. */
export function gist(metadata) {
  const texts = [];
  const walk = (value) => {
    if (typeof value === "string") texts.push(value);
    else if (value !== null && typeof value === "object") Object.values(value).forEach(walk);
  };
  walk(metadata?.headline ?? metadata?.summary ?? metadata?.description ?? metadata ?? {});
  return texts[0] ?? "";
}

export const picture = (source, text = "") => h("img", { src: source, alt: text, loading: "lazy", decoding: "async" });
