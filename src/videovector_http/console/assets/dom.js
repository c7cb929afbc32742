// Elements are made here and nowhere else. Text becomes text nodes, so nothing that was stored can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. Functions named `onX` listen; `style` is an object of properties; null and false are left out. */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** Makes an element of a drawing. */
export function s(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...flat(children));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2).toLowerCase(), value);
  else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
  else if (name === "value" || name === "checked" || name === "muted") element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

function flat(children) {
  return children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false && one !== "");
}

/** Replaces what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

const PATHS = {
  indexes: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M15.5 15.5 21 21",
  runs: "M4 6h10M4 12h7M4 18h5M16 11l5 4-5 4z",
  prompts: "M5 4h14v12H9l-4 4zM9 8h6M9 12h4",
  sql: "M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0",
  chat: "M4 5h16v11H11l-5 4v-4H4z",
  connectors: "M7 17a4 4 0 0 1 0-8 6 6 0 0 1 11.5 1.500A3.300 3.300 0 0 1 18 17zM12 12v8M9 17l3 3 3-3",
  exports: "M12 4v11M8 11l4 4 4-4M4 19h16",
  automations: "M5 12a7 7 0 0 1 12-5l2 2M19 5v4h-4M19 12a7 7 0 0 1-12 5l-2-2M5 19v-4h4",
  webhooks: "M9 8a3 3 0 1 1 4 2.800L16 16M8 10l-3 6M6 19h9M5 16a2 2 0 1 0 1 3.600M16 16a2 2 0 1 1-1 3",
  keys: "M14 4a6 6 0 1 1-4.500 9.900L4 19.500V21h4v-2h2v-2h2l1-1M16 8h.01",
  usage: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  play: "M7 4.500v15l12-7.500z",
  upload: "M12 16V5M8 9l4-4 4 4M4 19h16",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5",
  out: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
  audio: "M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4",
  video: "M3 6h13v12H3zM16 10l5-3v10l-5-3z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  retry: "M5 12a7 7 0 1 0 2-5L4 10M4 5v5h5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  menu: "M4 7h16M4 12h16M4 17h16",
};

/** Draws one of our signs; it is decoration, the words stand beside it. */
export function icon(name) {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    s("path", { d: PATHS[name] ?? PATHS.play }),
  );
}
