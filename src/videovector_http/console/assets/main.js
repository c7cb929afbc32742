// The shell: who is there, where they can go, and the page that is open.

import { session } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { listen, onKey } from "./keys.js";
import { button, dialog, field, head, input, link, problem, skeletons } from "./parts.js";
import { go, href, render, routes } from "./router.js";

const PAGES = [
  ["/", () => import("./pages/indexes.js")],
  ["/indexes/:id", () => import("./pages/index.js")],
  ["/media/:id", () => import("./pages/media.js")],
  ["/media/:id/compare", () => import("./pages/compare.js")],
  ["/search", () => import("./pages/search.js")],
  ["/sql", () => import("./pages/sql.js")],
  ["/runs", () => import("./pages/runs.js")],
  ["/runs/:id", () => import("./pages/run.js")],
  ["/prompts", () => import("./pages/prompts.js")],
  ["/prompts/:id", () => import("./pages/prompt.js")],
  ["/chat", () => import("./pages/chat.js")],
  ["/chat/:id", () => import("./pages/chat.js")],
  ["/connectors", () => import("./pages/connectors.js")],
  ["/exports", () => import("./pages/exports.js")],
  ["/automations", () => import("./pages/automations.js")],
  ["/webhooks", () => import("./pages/webhooks.js")],
  ["/webhooks/:id", () => import("./pages/webhook.js")],
  ["/keys", () => import("./pages/keys.js")],
  ["/usage", () => import("./pages/usage.js")],
];

// path, name and sign
const PLACES = [
  ["Look", [["/", "Indexes", "indexes"], ["/search", "Search", "search"], ["/chat", "Chat", "chat"], ["/sql", "SQL", "sql"]]],
  ["Work", [["/prompts", "Prompts", "prompts"], ["/runs", "Runs", "runs"]]],
  [
    "Move",
    [
      ["/connectors", "Connectors", "connectors"],
      ["/automations", "Automations", "automations"],
      ["/exports", "Exports", "exports"],
      ["/webhooks", "Webhooks", "webhooks"],
    ],
  ],
  ["Server", [["/keys", "Keys", "keys"], ["/usage", "Usage & health", "usage"]]],
];

const app = document.querySelector("#app");
const main = h("main", { id: "main", tabindex: -1 });
let nav = null;

const place = ([path, name, sign]) => h("li", {}, h("a", { href: href(path), "data-path": path }, icon(sign), h("span", {}, name)));

function shell() {
  if (nav) return;
  nav = h("nav", { id: "nav", "aria-label": "Console" }, PLACES.map(([title, places]) => h("section", {}, h("h2", {}, title), h("ul", {}, places.map(place)))));
  const words = input({ type: "search", name: "q", placeholder: "Search what is said and shown", "aria-label": "Search", class: "quick" });
  const find = h("form", { role: "search", class: "find" }, icon("search"), words, h("kbd", { "aria-hidden": "true" }, "/"));
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    const index = new URLSearchParams(location.search).get("index") ?? /\/indexes\/([^/?]+)/.exec(location.pathname)?.[1];
    if (words.value.trim()) go("/search", { q: words.value.trim(), index });
    words.value = "";
  });
  const toggle = button("", { kind: "plain burger", sign: "menu", "aria-label": "Menu", "aria-expanded": "false", "aria-controls": "nav" });
  toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(app.classList.toggle("open"))));
  fill(
    app,
    h("a", { class: "skip", href: "#main", onclick: (event) => (event.preventDefault(), main.focus()) }, "Skip to the page"),
    h("div", { class: "top" }, toggle, brand(), find, button("", { kind: "plain", sign: "sun", "aria-label": "Dark or light", onclick: shade }), button("", { kind: "plain", sign: "out", "aria-label": "Log out", onclick: leave })),
    nav,
    main,
  );
}

const brand = () => h("a", { class: "brand", href: href("/") }, h("img", { src: "/console/assets/icon.svg", alt: "", width: 26, height: 26 }), h("span", {}, "VideoVector"));

async function leave() {
  await session.close().catch(() => {});
  login();
}

/** Asks for a key or a token. */
function login() {
  nav = null;
  app.classList.remove("open");
  document.title = "Log in · VideoVector";
  const credential = input({ type: "password", name: "credential", required: true, autocomplete: "current-password", spellcheck: "false" });
  const note = h("div", {});
  const enter = button("Log in", { kind: "primary wide", type: "submit" });
  const form = h("form", { class: "card" }, h("h1", {}, "Log in"), field("API key or token", credential, "It opens a session in this browser for eight hours and is not kept."), note, enter,
    h("details", {}, h("summary", {}, "Where do I get one?"), h("p", {}, "On the machine of the server:"), h("pre", { tabindex: 0 }, "videovector keys create --name me --scopes admin"), h("p", {}, "or, to manage keys here as well:"), h("pre", { tabindex: 0 }, "videovector token")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    enter.setAttribute("disabled", "");
    try {
      await session.open(credential.value.trim());
      render();
    } catch (error) {
      fill(note, problem(error));
      enter.removeAttribute("disabled");
    }
  });
  fill(app, h("main", { class: "door" }, brand(), form));
  credential.focus();
}

async function show(page, loader) {
  if (!session.isOpen) return login();
  shell();
  app.classList.remove("open");
  for (const one of nav.querySelectorAll("a")) {
    const path = one.dataset.path;
    const here = path === "/" ? page.path === "/" || /^\/(indexes|media)/.test(page.path) : page.path.startsWith(path);
    here ? one.setAttribute("aria-current", "page") : one.removeAttribute("aria-current");
  }
  main.className = "";
  if (!loader) return fill(main, head("There is no such page", { lead: link("Go to the indexes", "/") }));
  fill(main, skeletons(5));
  scrollTo(0, 0);
  try {
    const module = await loader();
    if (page.signal.aborted) return;
    await module.default({ ...page, main });
    main.querySelector("h1")?.focus({ preventScroll: true });
    document.title = `${main.querySelector("h1")?.textContent ?? "Console"} · VideoVector`;
  } catch (error) {
    if (error.name === "AbortError" || page.signal.aborted) return;
    fill(main, head("This page could not be shown"), problem(error, render));
  }
}

function shade() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("videovector.theme", (document.documentElement.dataset.theme = dark ? "light" : "dark"));
}

const HELP = [["/", "search"], ["j k", "next and previous hit or segment"], ["space", "play and pause"], ["← →", "five seconds back and on"], ["g", "go to the indexes"], ["?", "these keys"]];

function keys() {
  listen();
  onKey("/", () => (document.querySelector("[data-search]") ?? document.querySelector(".quick"))?.focus());
  onKey("g", () => session.isOpen && go("/"));
  onKey("?", () => dialog("Keys", h("dl", { class: "keys" }, HELP.map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text))))));
}

const theme = localStorage.getItem("videovector.theme");
if (theme) document.documentElement.dataset.theme = theme;
addEventListener("session-ended", login);
addEventListener("storage", (event) => event.key === "videovector.csrf" && render());
keys();
routes(PAGES, show);
render();
