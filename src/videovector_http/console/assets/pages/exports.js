// Results as files: to download, or delivered to a connector.

import { call, get, here, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, bytes } from "../format.js";
import { attempt, button, dialog, empty, field, head, input, link, load, pill, select, skeletons, table, toast } from "../parts.js";

const FORMATS = [["json", "JSON"], ["jsonl", "JSON lines"], ["csv", "CSV"], ["parquet", "Parquet"]];
const PAUSE = 2000;
const HELD = 60_000;

export default async function page({ main, signal }) {
  const place = h("div", {});
  const make = () => button("New export", { kind: "primary", sign: "plus", onclick: () => create(again) });
  const again = () => load(place, () => get("/exports", { limit: 100 }, { signal }), (rows) => {
    if (rows.some((one) => ["pending", "processing"].includes(one.status))) setTimeout(() => signal.aborted || again(), PAUSE);
    return rows.length ? list(rows) : empty("exports", "No export yet", "Take the results of an index or of one run away as a file.", make());
  }, { waits: place.childElementCount ? [...place.childNodes] : skeletons(4), signal });
  fill(main, head("Exports", { lead: "Results of an index or a run as one file.", actions: [make()] }), place);
  await again();
}

const list = (rows) =>
  table("Exports", [
    ["What", (one) => link(one.export_type === "index" ? "an index" : "a run", one.export_type === "index" ? `/indexes/${one.target_id}` : `/runs/${one.target_id}`)],
    ["State", (one) => [pill(one.status), one.error_message ? h("p", { class: "fine" }, one.error_message) : null]],
    ["Size", (one) => bytes(one.file_size_bytes), "num"],
    ["Goes to", (one) => one.destination_uri ?? words(one)],
    ["Made", (one) => ago(one.created_at)],
    ["", (one) => (one.status === "completed" && one.destination_type === "download" ? download(one) : null)],
  ], rows);

const words = (one) => (one.destination_type === "download" ? "this browser" : "a connector");

function download(one) {
  const fetched = button("Download", { kind: "small", sign: "exports", onclick: () => attempt(async () => {
    const found = await post(`/exports/${one.export_id}/download-url`);
    const address = here(found.download_url);
    if (address) return h("a", { href: address, download: "" }).click();
    // a server without https mints no address that works without a credential
    const answer = await call("GET", `/exports/${one.export_id}/download`, { raw: true });
    const name = /filename="?([^";]+)"?/.exec(answer.headers.get("content-disposition"))?.[1];
    const held = URL.createObjectURL(await answer.blob());
    h("a", { href: held, download: name ?? one.export_id }).click();
    setTimeout(() => URL.revokeObjectURL(held), HELD);
  }, fetched) });
  return fetched;
}

async function create(again) {
  const [indexes, runs, connectors] = await Promise.all([get("/indexes"), get("/prompt-runs", { limit: 100 }), get("/connectors").catch(() => [])]);
  const what = select([...indexes.map((one) => [`index/${one.index_id}`, `index: ${one.name}`]), ...runs.map((one) => [`prompt-run/${one.run_id}`, `run: ${one.prompt_name}, ${ago(one.executed_at)}`])], "");
  const format = select(FORMATS, "json");
  const to = select([["", "a file to download"], ...connectors.filter((one) => one.scopes.includes("export")).map((one) => [one.connector_id, one.name])], "");
  const below = input({ placeholder: "review/" });
  dialog("New export", h("div", { class: "form" }, field("What", what), h("div", { class: "pair" }, field("Format", format), field("Goes to", to)), field("Folder (for a connector)", below)), {
    action: "Export",
    act: async () => {
      if (!what.value) throw new Error("There is nothing to export yet. Run a prompt over an index first.");
      await post(`/exports/${what.value}`, { format: format.value, ...(to.value ? { destination_connector_id: to.value, ...(below.value ? { destination_subpath: below.value } : {}) } : {}) });
      toast("The export has begun.");
      again();
    },
  });
}
