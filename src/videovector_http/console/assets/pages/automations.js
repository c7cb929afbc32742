// Standing orders of each index: import what arrives and run a prompt over it, export what is finished.

import { call, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, words } from "../format.js";
import { attempt, button, checkbox, dialog, empty, facts, field, head, input, link, load, pill, select, skeletons, toast } from "../parts.js";

export default async function page({ main, signal }) {
  const place = h("div", { class: "stack" });
  fill(main, head("Automations", { lead: "Standing orders: import what arrives and run a prompt over it; export every run that ends." }), place);
  await load(place, () => get("/indexes", {}, { signal }), (indexes) => (indexes.length ? indexes.map((one) => section(one, signal)) : empty("automations", "No index yet", "Automations belong to an index.", link("Make an index", "/", {}, { class: "button primary" }))), { waits: skeletons(4), signal });
}

function section(index, signal) {
  const places = { import: h("div", { class: "card" }), export: h("div", { class: "card" }) };
  for (const kind of ["import", "export"]) shown(index, kind, places[kind], signal);
  return h("section", { class: "stack" }, h("h2", {}, link(index.name, `/indexes/${index.index_id}`)), h("div", { class: "two" }, places.import, places.export));
}

function shown(index, kind, place, signal) {
  const path = `/indexes/${index.index_id}/automations/${kind}`;
  const again = () => shown(index, kind, place, signal);
  const edit = (now) => editor(index, kind, path, now, again);
  return load(place, () => get(path, {}, { signal }).catch((error) => (error.status === 404 ? null : Promise.reject(error))), (one) => [
    h("div", { class: "row" }, h("h3", { class: "grow" }, kind === "import" ? "Import" : "Export"), one ? pill(!one.enabled ? "disabled" : one.paused ? "paused" : "active", !one.enabled ? "off" : one.paused ? "paused" : "on") : pill("none", "not set")),
    one ? about(one, kind) : h("p", { class: "fine" }, kind === "import" ? "New files are not imported by themselves." : "Runs that end are not exported by themselves."),
    h("div", { class: "actions" }, button(one ? "Change" : "Set up", { kind: "small", "aria-label": `${one ? "Change" : "Set up"} the ${kind} of ${index.name}`, onclick: () => attempt(() => edit(one)) }), one ? toggle(one, path, again, `${kind} of ${index.name}`) : null),
  ], { waits: skeletons(2), signal });
}

function toggle(one, path, again, what) {
  const name = one.paused ? "Resume" : "Pause";
  const control = button(name, { kind: "small", "aria-label": `${name} the ${what}`, onclick: () => attempt(async () => (await post(`${path}/${name.toLowerCase()}`), again()), control) });
  return control;
}

const about = (one, kind) =>
  facts([
    ...(kind === "import" ? [["Files", h("code", {}, `${one.source_prefix}${one.file_pattern}`)], ["Waits", one.debounce_interval], ["Prompt", [one.prompt_preset.prompt_name ?? "–", one.prompt_preset.stale ? [" ", pill("paused", "changed since")] : null]], ["Next look", ago(one.next_check_at)]] : [["Folder", one.destination_subpath || "–"]]),
    ["Last time", ago(one.last_run_at)],
    ["Failures in a row", String(one.consecutive_failures)],
    ...(one.last_error ? [["Last error", one.last_error]] : []),
  ]);

async function editor(index, kind, path, now, again) {
  const [connectors, { prompts }] = await Promise.all([get("/connectors"), get("/prompts")]);
  const fit = connectors.filter((one) => one.scopes.includes(kind));
  if (!fit.length) throw new Error(`There is no connector for ${kind}s yet. Make one on the page Connectors.`);
  const connector = select(fit.map((one) => [one.connector_id, one.name]), now?.connector_id ?? now?.destination_connector_id ?? fit[0].connector_id);
  const prompt = select(prompts.map((one) => [one.prompt_id, one.name]), now?.prompt_preset?.prompt_id);
  const prefix = input({ value: now?.source_prefix ?? "" });
  const pattern = input({ value: now?.file_pattern ?? "*" });
  const wait = select(["5m", "10m", "1h", "1d"].map((one) => [one, one]), now?.debounce_interval ?? "10m");
  const below = input({ value: now?.destination_subpath ?? "" });
  const [label, on] = checkbox("On", now?.enabled ?? true);
  const parts = kind === "import" ? [field("From", connector), h("div", { class: "pair" }, field("Begins with", prefix), field("Pattern", pattern)), h("div", { class: "pair" }, field("Run", prompt), field("Wait for more files", wait))] : [field("To", connector), field("Folder", below)];
  dialog(`${words(kind)} of ${index.name}`, h("div", { class: "form" }, parts, label), {
    action: "Save",
    act: async () => {
      const common = { enabled: on.checked, paused: now?.paused ?? false };
      const body = kind === "import" ? { ...common, connector_id: connector.value, source_prefix: prefix.value, file_pattern: pattern.value || "*", debounce_interval: wait.value, prompt_preset: { prompt_id: prompt.value } } : { ...common, destination_connector_id: connector.value, ...(below.value ? { destination_subpath: below.value } : {}) };
      await call("PUT", path, { body });
      toast("Saved.");
      again();
    },
  });
}
