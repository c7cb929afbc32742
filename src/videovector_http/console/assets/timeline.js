// What lies where in a media item: lanes of stretches under one clock, and a mark that moves with the player.

import { fill, h } from "./dom.js";
import { clock, span } from "./format.js";

const MOST = 400;
const PICTURES = 80;
const PICTURE_WIDTH = 36;
const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** `<vv-timeline>`: `show(duration, lanes)`; a click or the arrow keys send `seek` with the second. */
export class Timeline extends HTMLElement {
  #duration = 0;
  #lanes = [];
  #zoom = 1;
  #head = h("div", { class: "head-mark" });
  #track = h("div", { class: "track" });
  #names = h("div", { class: "names", "aria-hidden": "true" });

  connectedCallback() {
    const frame = h("div", { class: "frame", tabindex: 0, role: "slider", "aria-label": "Timeline", "aria-valuemin": 0, "aria-valuenow": 0 }, this.#track);
    this.frame = frame;
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("click", (event) => {
      const stretch = event.target.closest("[data-start]");
      if (stretch) return this.#seek(Number(stretch.dataset.start), stretch.dataset.id);
      const box = this.#track.getBoundingClientRect();
      this.#seek(((event.clientX - box.left) / box.width) * this.#duration);
    });
    const zoom = h("input", { type: "range", min: 0, max: 6, step: 0.5, value: 0, "aria-label": "Zoom of the timeline", class: "zoom" });
    zoom.addEventListener("input", () => this.#stretch(2 ** Number(zoom.value)));
    fill(this, h("div", { class: "lanes" }, this.#names, frame), zoom);
  }

  /** Shows lanes of stretches; nothing while it stands nowhere, as for an image. */
  show(duration, lanes) {
    if (!this.frame) return;
    this.#duration = duration || 1;
    this.#lanes = lanes.filter((lane) => lane.stretches.length);
    this.frame.setAttribute("aria-valuemax", Math.round(this.#duration));
    fill(this.#names, h("span", { class: "lane" }), this.#lanes.map((lane) => h("span", { class: classOf(lane) }, lane.name)));
    this.#draw();
  }

  #draw() {
    const share = (value) => `${(Math.min(value, this.#duration) / this.#duration) * 100}%`;
    const width = (this.frame.clientWidth || 800) * this.#zoom;
    const step = STEPS.find((one) => (one / this.#duration) * width > 70) ?? 3600;
    const ticks = [];
    for (let at = 0; at < this.#duration && ticks.length < MOST; at += step)
      ticks.push(h("span", { class: "tick", style: { left: share(at) } }, clock(at)));
    const drawn = (film) => (one) => {
      const style = { left: share(one.start), width: `max(3px, calc(${share(one.end - one.start)} - 2px))` };
      const seen = film && one.picture && ((one.end - one.start) / this.#duration) * width > PICTURE_WIDTH;
      return stretch(one, style, seen);
    };
    fill(
      this.#track,
      h("div", { class: "lane ticks" }, ticks),
      this.#lanes.map((lane) => h("div", { class: classOf(lane) }, merged(lane.stretches).map(drawn(pictured(lane))))),
      this.#head,
    );
    this.#track.style.width = `${this.#zoom * 100}%`;
  }

  #stretch(zoom) {
    const middle = (this.frame.scrollLeft + this.frame.clientWidth / 2) / (this.frame.clientWidth * this.#zoom);
    this.#zoom = zoom;
    this.#draw();
    this.frame.scrollLeft = middle * this.frame.clientWidth * zoom - this.frame.clientWidth / 2;
  }

  /** Moves the mark. */
  at(seconds) {
    if (!this.frame) return;
    this.#head.style.left = `${(seconds / this.#duration) * 100}%`;
    this.frame.setAttribute("aria-valuenow", Math.round(seconds));
    this.frame.setAttribute("aria-valuetext", clock(seconds));
    for (const one of this.#track.querySelectorAll(".stretch")) {
      const now = seconds >= Number(one.dataset.start) && seconds < Number(one.dataset.end);
      if (one.classList.contains("now") !== now) one.classList.toggle("now", now);
    }
  }

  #seek(at, id) {
    this.dispatchEvent(new CustomEvent("seek", { detail: { at: Math.max(0, at), id } }));
  }

  #key(event) {
    const now = Number(this.frame.getAttribute("aria-valuenow"));
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, PageDown: now + 10, PageUp: now - 10, Home: 0, End: this.#duration }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#seek(Math.min(to, this.#duration));
  }
}

/** A lane whose stretches have pictures is as high as they are; too many of them stay words. */
const classOf = (lane) => `lane ${lane.kind}${pictured(lane) ? " film" : ""}`;

const pictured = ({ stretches }) => stretches.length <= PICTURES && stretches.some((one) => one.picture);

/** One stretch: its picture where there is room for it, its words. */
function stretch(one, style, seen) {
  return h(
    "div",
    {
      class: `stretch ${one.kind ?? ""}`,
      "data-start": one.start,
      "data-end": one.end,
      "data-id": one.id,
      title: `${span(one.start, one.end)}${one.text ? `  ${one.text}` : ""}`,
      style,
    },
    seen && h("img", { src: one.picture, alt: "", loading: "lazy", decoding: "async", draggable: "false" }),
    one.text && h("span", {}, one.text),
  );
}

/** Neighbours become one where there are more than can be told apart. */
function merged(stretches) {
  if (stretches.length <= MOST) return stretches;
  const size = Math.ceil(stretches.length / MOST);
  const found = [];
  for (let at = 0; at < stretches.length; at += size) {
    const part = stretches.slice(at, at + size);
    found.push({ ...part[0], end: part.at(-1).end, text: `${part.length} segments`, kind: part.find((one) => one.kind)?.kind });
  }
  return found;
}

customElements.define("vv-timeline", Timeline);

export const timeline = () => document.createElement("vv-timeline");
