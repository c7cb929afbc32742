// Numbers and moments as people read them.

/** Seconds as mm:ss.s, with hours in front where there are any. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const tenths = Math.max(0, Math.round(seconds * 10));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(tenths / 36000);
  const rest = `${two(Math.floor((tenths % 36000) / 600))}:${two(Math.floor((tenths % 600) / 10))}.${tenths % 10}`;
  return hours ? `${hours}:${rest}` : rest;
}

export function span(start, end) {
  return end === null || end === undefined ? clock(start) : `${clock(start)} – ${clock(end)}`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && at ? 1 : 0 })} ${units[at]}`;
}

export function count(value, word) {
  if (value === null || value === undefined) return "–";
  const shown = value.toLocaleString("en", { maximumFractionDigits: 2 });
  return word ? `${shown} ${word}${value === 1 ? "" : "s"}` : shown;
}

const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86400, "hour", 3600],
  [2592000, "day", 86400],
  [31536000, "month", 2592000],
  [Infinity, "year", 31536000],
];
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A moment in RFC 3339 as how long ago it was. */
export function ago(moment) {
  if (!moment) return "never";
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  return AGO.format(Math.round(seconds / size), unit);
}

export function moment(value) {
  return value ? new Date(value).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : "–";
}

/** `completed_with_failures` as `completed with failures`. */
export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}

/** The end of an id: enough to tell two apart, with the whole in a title. */
export function short(id) {
  const [kind, rest] = String(id ?? "").split(/_(.*)/s);
  return rest && rest.length > 8 ? `${kind}_…${rest.slice(-6)}` : String(id ?? "–");
}
