// Two runs over the same media item, moment by moment.

import { get, pages } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, count, span, words } from "../format.js";
import { empty, head, link, problem, select, skeletons } from "../parts.js";
import { player } from "../player.js";
import { go } from "../router.js";

const MOST = 300;

export default async function page({ main, params, query, signal }) {
  const [item, runs] = await Promise.all([get(`/videos/${params.id}`, {}, { signal }), get(`/videos/${params.id}/prompt-runs`, { limit: 50 }, { signal })]);
  const crumb = link(item.title, `/media/${params.id}`);
  if (runs.length < 2) return fill(main, head("Compare runs", { back: crumb }), empty("runs", "There is only one run", "Run another prompt, or the same one with another model, and compare what they found."));
  const chosen = { a: query.a ?? runs[1].run_id, b: query.b ?? runs[0].run_id };
  const pick = (side, label) => {
    const control = select(runs.map((one) => [one.run_id, `${one.prompt_name} · ${one.processing_model ?? "default"} · ${ago(one.executed_at)}`]), chosen[side], { "aria-label": label });
    control.addEventListener("change", () => go(`/media/${params.id}/compare`, { ...chosen, [side]: control.value }));
    return control;
  };
  const screen = player().keys(signal);
  const place = h("div", { class: "stack" });
  fill(main, head("Compare runs", { back: crumb, lead: item.title }), h("div", { class: "watch" }, h("div", { class: "stack" }, h("div", { class: "two" }, pick("a", "Left run"), pick("b", "Right run")), place), h("div", { class: "side" }, screen)));
  screen.open({ uri: item.video_uri, type: item.media_type, title: item.title });
  fill(place, skeletons(5));
  try {
    const [left, right] = await Promise.all([chosen.a, chosen.b].map((run) => segments(params.id, run, signal)));
    fill(place, rows(left, right, (at) => screen.seek(at, true)));
  } catch (error) {
    if (error.name !== "AbortError") fill(place, problem(error));
  }
}

async function segments(id, run, signal) {
  const next = pages(`/videos/${id}/segments`, { query: { run_id: run }, signal });
  const found = [];
  for (let page = await next(); page && found.length < MOST; page = await next()) found.push(...page);
  return found;
}

/** Pairs stretches by where they begin; what only one run has stands alone. */
function rows(left, right, seek) {
  const starts = [...new Set([...left, ...right].map((one) => one.start_time))].sort((a, b) => a - b);
  const at = (list, start) => list.find((one) => one.start_time === start);
  const pairs = starts.map((start) => [at(left, start), at(right, start)]);
  const differ = pairs.filter(([a, b]) => different(a, b)).length;
  return [h("p", { class: "fine", role: "status" }, `${count(pairs.length, "stretch").replace("stretchs", "stretches")}, ${differ} differ`), pairs.map(([a, b]) => pair(a, b, seek))];
}

const different = (a, b) => JSON.stringify(a?.metadata ?? null) !== JSON.stringify(b?.metadata ?? null);

function pair(a, b, seek) {
  const one = a ?? b;
  const names = [...new Set([...Object.keys(a?.metadata ?? {}), ...Object.keys(b?.metadata ?? {})])];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, h("button", { type: "button", class: "button small", "data-plays": true, onclick: () => seek(one.start_time) }, span(one.start_time, one.end_time))),
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, `What both runs found at ${span(one.start_time, one.end_time)}`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Field"), h("th", { scope: "col" }, "Left"), h("th", { scope: "col" }, "Right"))),
      h("tbody", {}, names.map((name) => field(name, a?.metadata?.[name], b?.metadata?.[name]))),
    ),
  );
}

const shown = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

const field = (name, a, b) =>
  h("tr", { class: JSON.stringify(a) === JSON.stringify(b) ? "same" : "differs" }, h("th", { scope: "row" }, words(name)), h("td", {}, shown(a)), h("td", {}, shown(b)));
