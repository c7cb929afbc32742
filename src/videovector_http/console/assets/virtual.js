// A list of any length of which only what is near the window is in the page.

import { h } from "./dom.js";

const AHEAD = 2;

/**
 * Shows items of equal height in as many columns as fit.
 *
 * `next` answers the following items each time, and null at the end; `make` makes the element of one item.
 */
export class VirtualList extends HTMLElement {
  items = [];
  selected = -1;
  #shown = new Map();
  #options = null;
  #loading = false;
  #over = false;
  #request = 0;

  setup({ next, make, height, minWidth = 0, gap = 12, label, signal, onError, onEnd, scroller = null, skeletons = 12 }) {
    this.#options = { next, make, height, minWidth, gap, onError, onEnd, scroller, skeletons, signal };
    this.setAttribute("role", "list");
    this.setAttribute("aria-label", label);
    const again = () => this.#soon();
    (scroller ?? window).addEventListener("scroll", again, { passive: true, signal });
    const watch = new ResizeObserver(again);
    watch.observe(this);
    signal.addEventListener("abort", () => watch.disconnect());
    this.#soon();
    return this;
  }

  /** Puts an item in front, such as one that was just uploaded. */
  unshift(item) {
    this.items.unshift(item);
    this.refresh();
  }

  /** Makes every visible element anew. */
  refresh() {
    for (const element of this.#shown.values()) element.remove();
    this.#shown.clear();
    this.#soon();
  }

  /** Selects an item, scrolls to it and says whether there is one. */
  select(at) {
    if (at < 0 || at >= this.items.length) return false;
    this.#mark(this.selected, false);
    this.selected = at;
    const { top, pitch } = this.#place(at);
    const { scroller } = this.#options;
    if (scroller) {
      if (top < scroller.scrollTop || top + pitch > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = top - scroller.clientHeight / 3;
    } else {
      const y = this.getBoundingClientRect().top + top;
      if (y < 70 || y + pitch > innerHeight) scrollBy(0, y - innerHeight / 3);
    }
    this.#draw();
    this.#mark(at, true);
    return true;
  }

  #mark(at, on) {
    const element = this.#shown.get(at);
    element?.classList.toggle("selected", on);
    if (on) element?.setAttribute("aria-current", "true");
    else element?.removeAttribute("aria-current");
  }

  #soon() {
    this.#request ||= requestAnimationFrame(() => {
      this.#request = 0;
      this.#draw();
    });
  }

  #grid() {
    const { minWidth, gap, height } = this.#options;
    const width = this.clientWidth || 1;
    const columns = minWidth ? Math.max(1, Math.floor((width + gap) / (minWidth + gap))) : 1;
    const cell = (width - gap * (columns - 1)) / columns;
    const tall = typeof height === "function" ? height(cell) : height;
    return { columns, cell, tall, pitch: tall + gap };
  }

  // the grid is measured once for many places: reading after writing would lay the page out each time
  #place(at, { columns, cell, tall, pitch } = this.#grid()) {
    return { top: Math.floor(at / columns) * pitch, left: (at % columns) * (cell + this.#options.gap), cell, tall, pitch };
  }

  #window() {
    const { scroller } = this.#options;
    if (scroller) return [scroller.scrollTop, scroller.clientHeight];
    return [-this.getBoundingClientRect().top, innerHeight];
  }

  #draw() {
    if (!this.isConnected || !this.#options) return;
    const grid = this.#grid();
    const { columns, pitch } = grid;
    const [top, high] = this.#window();
    const waiting = this.#over ? 0 : Math.min(this.#options.skeletons, columns * 3);
    const total = this.items.length + waiting;
    this.style.height = `${Math.ceil(total / columns) * pitch}px`;
    const first = Math.max(0, (Math.floor(top / pitch) - AHEAD) * columns);
    const last = Math.min(total, (Math.ceil((top + high) / pitch) + AHEAD) * columns);
    for (const [at, element] of this.#shown)
      if (at < first || at >= last || element.dataset.waits === String(at < this.items.length)) {
        element.remove();
        this.#shown.delete(at);
      }
    for (let at = first; at < last; at += 1) this.#put(at, grid);
    if (!this.#over && last > this.items.length - columns * AHEAD) this.#load();
  }

  #put(at, grid) {
    let element = this.#shown.get(at);
    if (!element) {
      const waits = at >= this.items.length;
      element = waits ? h("div", { class: "skeleton" }) : this.#options.make(this.items[at], at);
      element.dataset.waits = String(waits);
      element.classList.add("cell");
      if (waits) element.setAttribute("aria-hidden", "true");
      else {
        element.setAttribute("role", "listitem");
        element.setAttribute("aria-posinset", at + 1);
        element.setAttribute("aria-setsize", this.#over ? this.items.length : -1);
      }
      this.#shown.set(at, element);
      this.append(element);
      if (at === this.selected) this.#mark(at, true);
    }
    const { top, left, cell, tall } = this.#place(at, grid);
    element.style.transform = `translate(${left}px, ${top}px)`;
    element.style.width = `${cell}px`;
    element.style.height = `${tall}px`;
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const more = await this.#options.next();
      if (more === null) this.#end();
      else this.items.push(...more);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#end();
      this.#options.onError?.(error);
    } finally {
      this.#loading = false;
    }
    this.#soon();
  }

  #end() {
    this.#over = true;
    this.#options.onEnd?.(this.items.length);
  }
}

customElements.define("vv-list", VirtualList);

export function list(options) {
  return document.createElement("vv-list").setup(options);
}
