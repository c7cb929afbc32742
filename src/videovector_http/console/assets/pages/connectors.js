// Storages that media come from and exports go to.

import { call, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, bytes, moment } from "../format.js";
import { attempt, button, checkbox, dialog, empty, field, head, input, link, load, pill, select, skeletons, table, toast } from "../parts.js";

const KINDS = {
  s3: ["S3 and what speaks like it", [["bucket", "Bucket"], ["region", "Region"], ["aws_access_key_id", "Access key id"], ["aws_secret_access_key", "Secret access key", "password"], ["endpoint_url", "Endpoint (if not Amazon)", "url", true]]],
  gcs: ["Google Cloud Storage", [["bucket", "Bucket"], ["gcp_project_id", "Project"], ["credentials_file", "Service account (JSON)", "file"]]],
  azure: ["Azure Blob Storage", [["storage_account", "Storage account"], ["container", "Container"], ["tenant_id", "Tenant"], ["client_id", "Client id"], ["client_secret", "Client secret", "password"]]],
  local: ["A directory of the server", [["root", "Directory"]]],
};

export default async function page({ main, signal }) {
  const place = h("div", {});
  const jobs = h("div", {});
  const again = () => load(place, () => get("/connectors", {}, { signal }), (found) => (found.length ? list(found, again, shownJobs) : empty("connectors", "No connector yet", "Connect a bucket to import media from it, or to deliver exports to it.", make())), { waits: skeletons(4), signal });
  const shownJobs = () => load(jobs, () => get("/import-jobs", { limit: 30 }, { signal }), (found) => imports(found.filter((job) => job.source_kind === "connector")), { waits: skeletons(3), signal });
  const make = () => button("New connector", { kind: "primary", sign: "plus", onclick: () => create(again) });
  fill(main, head("Connectors", { lead: "Storages that media come from and exports go to.", actions: [make()] }), h("div", { class: "stack" }, place, h("h2", {}, "Imports"), jobs));
  await Promise.all([again(), shownJobs()]);
}

const list = (found, again, jobs) =>
  table("Connectors", [
    ["Name", (one) => one.name],
    ["Kind", (one) => KINDS[one.provider]?.[0] ?? one.provider],
    ["Place", (one) => h("code", {}, one.bucket ?? one.container ?? one.root ?? "–")],
    ["State", (one) => pill(one.status)],
    ["For", (one) => one.scopes.join(", ")],
    ["Tested", (one) => [ago(one.last_tested_at), one.last_test_error ? h("p", { class: "fine" }, one.last_test_error) : null]],
    ["", (one) => actions(one, again, jobs)],
  ], found);

function actions(one, again, jobs) {
  const path = `/connectors/${one.connector_id}`;
  const test = button("Test", { kind: "small", "aria-label": `Test ${one.name}`, onclick: () => attempt(async () => {
    const said = await post(`${path}/test`);
    toast(said.success ? `${one.name} can be reached.` : `${one.name}: ${said.error_message}`, { error: !said.success });
    again();
  }, test) });
  return h("div", { class: "row" }, test,
    button("Browse", { kind: "small", "aria-label": `Browse ${one.name}`, onclick: () => browse(one, path) }),
    one.scopes.includes("import") ? button("Import", { kind: "small", "aria-label": `Import from ${one.name}`, onclick: () => take(one, jobs) }) : null,
    button("Delete", { kind: "small danger", "aria-label": `Delete ${one.name}`, onclick: () => dialog(`Delete ${one.name}?`, h("p", {}, "What was imported stays."), { action: "Delete", danger: true, act: async () => (await call("DELETE", path), again()) }) }));
}

function browse(one, path) {
  const prefix = input({ placeholder: "incoming/" });
  const pattern = input({ value: "*" });
  const place = h("div", {});
  const look = () => load(place, () => post(`${path}/browse`, { prefix: prefix.value, pattern: pattern.value || "*", limit: 200 }), (files) => {
    return files.length ? table("Files", [["Name", (file) => file.path], ["Size", (file) => bytes(file.size_bytes), "num"], ["Changed", (file) => moment(file.last_modified)]], files) : h("p", { class: "fine" }, "No file there.");
  });
  const controls = h("div", { class: "pair" }, field("Begins with", prefix), field("Pattern", pattern));
  controls.addEventListener("change", look);
  dialog(`Files of ${one.name}`, h("div", { class: "stack" }, controls, place));
  look();
}

async function take(one, again) {
  const indexes = await get("/indexes");
  const index = select(indexes.map((found) => [found.index_id, found.name]), indexes[0]?.index_id);
  const prefix = input({ placeholder: "incoming/2026/" });
  const pattern = input({ value: "*", required: true });
  const [label, deep] = checkbox("With everything below", true);
  dialog(`Import from ${one.name}`, h("div", { class: "form" }, field("Into", index), h("div", { class: "pair" }, field("Begins with", prefix), field("Pattern", pattern)), label), {
    action: "Import",
    act: async () => {
      await post("/import-jobs", { connector_id: one.connector_id, index_id: index.value, source_prefix: prefix.value, file_pattern: pattern.value, recursive: deep.checked });
      toast("The import has begun.");
      again();
    },
  });
}

function imports(jobs) {
  if (!jobs.length) return h("p", { class: "fine" }, "Nothing was imported from a connector yet.");
  return table("Imports", [
    ["State", (job) => pill(job.status)],
    ["Into", (job) => (job.target_index_id ? link("index", `/indexes/${job.target_index_id}`) : "–")],
    ["From", (job) => h("code", {}, `${job.source_prefix}${job.file_pattern}`)],
    ["Done", (job) => `${job.progress.imported} / ${job.progress.total_files}`, "num"],
    ["Failed", (job) => job.progress.failed, "num"],
    ["Size", (job) => bytes(job.progress.bytes_transferred), "num"],
    ["Started", (job) => ago(job.started_at ?? job.created_at)],
    ["", (job) => (["pending", "scanning", "importing"].includes(job.status) ? button("Cancel", { kind: "small danger", onclick: (event) => attempt(() => post(`/import-jobs/${job.job_id}/cancel`), event.currentTarget) }) : job.error_message)],
  ], jobs);
}

function create(again) {
  const kind = select(Object.entries(KINDS).map(([name, [title]]) => [name, title]), "s3");
  const name = input({ required: true, maxlength: 100 });
  const [importLabel, forImport] = checkbox("Import from it", true);
  const [exportLabel, forExport] = checkbox("Export to it", false);
  const place = h("div", { class: "form" });
  let controls = [];
  const shown = () => {
    controls = KINDS[kind.value][1].map(([key, label, type = "text", optional]) => [key, label, input({ type, required: !optional, autocomplete: "off" })]);
    fill(place, controls.map(([, label, control]) => field(label, control)));
  };
  kind.addEventListener("change", shown);
  shown();
  dialog("New connector", h("div", { class: "form" }, h("div", { class: "pair" }, field("Kind", kind), field("Name", name)), place, h("div", { class: "row" }, importLabel, exportLabel)), {
    action: "Create",
    act: async () => {
      const scopes = [forImport.checked && "import", forExport.checked && "export"].filter(Boolean);
      const made = await call("POST", `/connectors/${kind.value}`, { body: kind.value === "gcs" ? formOf(name.value, scopes, controls) : bodyOf(name.value, scopes, controls) });
      toast(`${made.name} is made.`);
      again();
    },
  });
}

const bodyOf = (name, scopes, controls) => ({ name, scopes, ...Object.fromEntries(controls.filter(([, , one]) => one.value).map(([key, , one]) => [key, one.value])) });

function formOf(name, scopes, controls) {
  const form = new FormData();
  form.append("name", name);
  for (const one of scopes) form.append("scopes", one);
  for (const [key, , one] of controls) form.append(key, one.type === "file" ? one.files[0] : one.value);
  return form;
}
