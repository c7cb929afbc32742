// The address is the state: every page reads it, writes it, and can be opened again from it.

const BASE = "/console";
let leaving = new AbortController();
let table = [];
let show = () => {};

/** Tells which pages there are (pattern, loader) and who shows them. */
export function routes(pages, shower) {
  table = pages.map(([pattern, load]) => [new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`), load]);
  show = shower;
  addEventListener("popstate", () => render());
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(BASE) || link.target) return;
    event.preventDefault();
    go(url.pathname.slice(BASE.length) + url.search);
  });
}

export const href = (path, query) => {
  const search = new URLSearchParams(
    Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== ""),
  ).toString();
  return BASE + path + (search ? `?${search}` : "");
};

/** Opens another page. */
export function go(path, query, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href(path, query));
  return render();
}

/** Keeps something in the address of the page that is open. */
export function keep(values, { push = false } = {}) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values))
    value === null || value === undefined || value === "" ? url.searchParams.delete(name) : url.searchParams.set(name, value);
  if (url.href !== location.href) history[push ? "pushState" : "replaceState"](null, "", url);
}

/** Shows the page that the address names. */
export async function render() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const path = location.pathname.slice(BASE.length).replace(/\/$/, "") || "/";
  for (const [pattern, load] of table) {
    const found = pattern.exec(path);
    if (!found) continue;
    const params = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, one]) => [name, decodeURIComponent(one)]));
    return show({ path, params, query: Object.fromEntries(new URLSearchParams(location.search)), signal }, load);
  }
  return show({ path, params: {}, query: {}, signal }, null);
}
