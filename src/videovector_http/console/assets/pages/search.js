// Search by words, by a picture or by both, over conditions on what was extracted; a hit plays at its start.

import { get, here, pages, post } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { clock, count, span } from "../format.js";
import { onKey } from "../keys.js";
import { button, empty, gist, head, input, link, problem, select, skeletons, tree } from "../parts.js";
import { player } from "../player.js";
import { href, keep } from "../router.js";
import { list } from "../virtual.js";
import { Conditions } from "./conditions.js";
import { dropImage } from "./image.js";

const TOP = 100;
let image = null; // a picture does not fit into an address; it stays while the console is open

export default async function page({ main, query, signal }) {
  const indexes = await get("/indexes", {}, { signal });
  const index = query.index ?? indexes[0]?.index_id ?? "playground";
  const words = input({ type: "search", class: "words", value: query.q ?? "", placeholder: "a reporter in front of the station", "aria-label": "Search for", "data-search": true, maxlength: 2000 });
  const where = select([...(indexes.length > 1 ? [["all", "All indexes"]] : []), ...indexes.map((one) => [one.index_id, one.name]), ["playground", "Playground"]], index, { "aria-label": "Where" });
  const weight = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: query.w ?? 0.5, "aria-label": "Weight of the words against the picture" });
  const picked = h("div", { class: "like" });
  const results = h("div", {});
  const dock = h("aside", { class: "dock", "aria-label": "Player" });
  const conditions = new Conditions({ index: where.value, given: query.f, signal });
  const sought = () => ({ q: words.value.trim(), index: where.value, f: conditions.text(), w: image && words.value.trim() ? weight.value : "" });
  const search = () => {
    keep({ ...sought(), hit: null }, { push: true });
    run({ ...sought(), indexes, results, dock, signal, hit: null });
  };
  const form = h("form", { class: "asking", role: "search" }, h("div", { class: "line" }, words, where, button("Search", { kind: "primary", type: "submit", sign: "search" })), h("div", { class: "hint" }, picked, conditions.add), conditions.place);
  form.addEventListener("submit", (event) => (event.preventDefault(), search()));
  where.addEventListener("change", () => conditions.from(where.value));
  const showImage = () => fill(picked, dropImage({ image, weight, both: () => Boolean(words.value.trim()), onImage: (found) => ((image = found), showImage(), found && search()), signal, main }));
  weight.addEventListener("change", search);
  fill(main, head("Search", { lead: "By what is said, written and shown. A hit plays at its start." }), form, h("div", { class: "found" }, results, dock));
  showImage();
  if (query.q || query.f || image) await run({ ...sought(), indexes, results, dock, signal, hit: query.hit ? Number(query.hit) : null });
  else {
    fill(results, empty("search", "What are you looking for?", "Ask in your own words: a moment is found by its meaning, not only by its words. Drop a picture anywhere to find moments that look like it."));
    words.focus();
  }
}

/** The request that stands for what is sought; `null` when nothing is. */
function request({ q, index, f, w, indexes }) {
  const path = index === "all" ? indexes[0]?.index_id : index;
  const filters = f ? { filters: JSON.parse(f) } : {};
  const scope = index === "all" ? { index_ids: indexes.map((one) => one.index_id) } : {};
  if (image && index === "playground") throw new Error("Pictures can be searched in an index only; choose one beside the words.");
  if (q && f && index === "playground") throw new Error("In the playground, words and conditions are not searched together; take one away or choose an index.");
  if (image && q)
    return [`/indexes/${path}/multimodal-search`, { text_query: q, image_data: image.data, text_weight: Number(w), image_weight: Number((1 - w).toFixed(2)), top_k: TOP, ...scope, ...filters }];
  if (image) return [`/indexes/${path}/image-search`, { image_data: image.data, top_k: TOP, ...scope, ...filters }];
  if (q && index === "playground") return ["/playground/search", { query: q, top_k: TOP }];
  if (q) return [`/indexes/${path}/search`, { query: q, top_k: TOP, ...scope, ...filters }];
  return null;
}

/** Answers the pages of hits: one for a ranked search, as many as there are for conditions alone. */
function source(sought, signal) {
  const ranked = request(sought);
  if (!ranked) {
    const scope = sought.index === "all" ? { index_ids: sought.indexes.map((one) => one.index_id) } : {};
    const path = sought.index === "all" ? sought.indexes[0]?.index_id : sought.index;
    return pages(`/search/filter/${path}`, { body: { conditions: JSON.parse(sought.f), ...scope }, signal });
  }
  let asked = false;
  return async () => (asked ? null : ((asked = true), post(...ranked, { signal })));
}

async function run({ results, dock, signal, hit, ...sought }) {
  if (!sought.q && !sought.f && !image) return fill(results, empty("search", "Say what to look for", "Type some words, drop a picture or add a condition."));
  fill(results, skeletons(6, "tile"));
  fill(dock);
  const notes = h("p", { class: "fine", role: "status" });
  try {
    const next = source(sought, signal);
    const first = await next();
    if (signal.aborted) return;
    if (!first?.length) return fill(results, nothing(sought));
    let head = first;
    const hits = list({
      label: "Hits",
      signal,
      height: 116,
      gap: 6,
      skeletons: 3,
      next: async () => {
        const more = head ?? (await next());
        head = null;
        return more;
      },
      make: (one, at) => row(one, at, () => open(at)),
      onError: (error) => fill(notes, problem(error)),
      onEnd: (number) => fill(notes, `${count(number, "hit")}${sought.q || image ? ", best first" : ""}`),
    });
    const screen = player().keys(signal);
    const more = h("div", { class: "more stack" });
    const open = (at) => {
      if (!hits.select(at)) return;
      keep({ hit: at });
      show(hits.items[at], screen, more, sought.index, sought.q, true);
    };
    onKey("j", () => open(hits.selected + 1), signal);
    onKey("k", () => open(Math.max(0, hits.selected - 1)), signal);
    fill(results, notes, hits);
    fill(dock, screen, more);
    show(first[hit ?? 0] ?? first[0], screen, more, sought.index, sought.q, false);
    if (hit !== null) setTimeout(() => hits.select(hit), 50);
  } catch (error) {
    if (error.name !== "AbortError") fill(results, problem(error, () => run({ results, dock, signal, hit, ...sought })));
  }
}

function nothing({ index, f }) {
  const run = index === "playground" || index === "all" ? "/" : `/indexes/${index}`;
  return empty("search", "Nothing found", f ? "No result meets all conditions. Take one away, or look in another index." : "Try other words. Only media over which a prompt has run can be found.", link("Go to the media", run, {}, { class: "button" }));
}

function row(hit, at, open) {
  const best = hit.matched_field_instances?.[0];
  const still = here(hit.match_type !== "text_only" && hit.matched_image_uri ? hit.matched_image_uri : (hit.thumbnail_uri ?? hit.preview_thumbnail_uri));
  const score = hit.fused_score ?? hit.similarity_score;
  return h(
    "div",
    {},
    h(
      "button",
      { type: "button", class: "hit", onclick: open, "data-hit": at, "data-plays": true },
      h("span", { class: "still" }, still && hit.media_type !== "audio" ? h("img", { src: still, alt: "", loading: "lazy" }) : icon(hit.media_type ?? "video"), hit.start_time === null || hit.media_type === "image" ? null : h("time", {}, clock(hit.start_time))),
      h(
        "span",
        { class: "grow" },
        h("h2", {}, hit.video_name ?? "Untitled"),
        h("span", { class: "text" }, best?.value_preview || gist(hit.metadata) || hit.content_preview),
        h("span", { class: "meter" }, score === null || score === undefined ? null : [h("i", { "aria-hidden": "true" }, h("b", { style: { width: `${Math.min(1, hit.similarity_score ?? score) * 100}%` } })), h("span", {}, (hit.similarity_score ?? score).toFixed(3))], best ? h("span", {}, best.field_display_label ?? best.field_path) : null, hit.match_type && hit.match_type !== "both" ? h("span", {}, hit.match_type.replace("_", " ")) : null),
      ),
    ),
  );
}

function show(hit, screen, more, index, q, starts) {
  screen.open({ uri: hit.video_uri, link: hit.segment_uri, type: hit.media_type ?? "video", title: hit.video_name ?? "", at: hit.start_time ?? hit.preview_start_time ?? 0, play: starts });
  const place = { index: index === "all" || index === "playground" ? hit.source_index_id : index, run: hit.run_id, t: hit.start_time, q };
  fill(
    more,
    h("div", { class: "row" }, h("strong", { class: "grow" }, hit.video_name), h("span", { class: "fine" }, span(hit.start_time, hit.end_time)), h("a", { class: "button small", href: href(`/media/${hit.video_id}`, place) }, "Open")),
    h("section", { class: "card" }, tree(hit.metadata ?? {})),
  );
}
