// A picture of rows, where two of their columns make one: bars of names and numbers, or a line over numbers.

import { s } from "./dom.js";

const WIDE = 760;
const MOST_BARS = 30;
const NUMBER = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UINTEGER|UBIGINT|DOUBLE|FLOAT|DECIMAL)/;

/** Says whether a column holds numbers. */
export const numeric = (column) => NUMBER.test(column.type);

/** Draws rows; `null` when there is nothing to see in them. */
export function chart(columns, rows) {
  const numbers = columns.filter(numeric);
  const names = columns.filter((one) => /^(VARCHAR|BOOLEAN|DATE|TIMESTAMP)/.test(one.type));
  if (rows.length < 2) return null;
  if (names.length === 1 && numbers.length >= 1) return bars(rows, names[0].name, numbers.at(-1).name);
  if (!names.length && numbers.length === 2) return line(rows, numbers[0].name, numbers[1].name);
  return null;
}

function bars(rows, name, value) {
  const shown = rows.slice(0, MOST_BARS);
  const most = Math.max(...shown.map((row) => Number(row[value]) || 0), 0) || 1;
  const high = 26;
  const left = 190;
  const parts = shown.flatMap((row, at) => {
    const number = Number(row[value]) || 0;
    const width = Math.max(1, (number / most) * (WIDE - left - 70));
    const y = at * high;
    return [
      s("text", { x: left - 10, y: y + 17, "text-anchor": "end" }, cut(String(row[name] ?? "–"), 28)),
      s("rect", { class: "mark", x: left, y: y + 4, width, height: high - 8, rx: 4 }),
      s("text", { x: left + width + 8, y: y + 17 }, number.toLocaleString("en", { maximumFractionDigits: 2 })),
    ];
  });
  const title = `${value} by ${name}${rows.length > MOST_BARS ? `, the first ${MOST_BARS}` : ""}`;
  return { title, element: drawing(shown.length * high, title, parts) };
}

function line(rows, x, y) {
  const points = rows.map((row) => [Number(row[x]), Number(row[y])]).filter((one) => one.every(Number.isFinite)).sort((a, b) => a[0] - b[0]);
  if (points.length < 2) return null;
  const high = 220;
  const scale = (values, from, to) => {
    const low = Math.min(...values);
    const range = Math.max(...values) - low || 1;
    return (value) => from + ((value - low) / range) * (to - from);
  };
  const px = scale(points.map((one) => one[0]), 50, WIDE - 10);
  const py = scale(points.map((one) => one[1]), high - 24, 12);
  const path = points.map(([a, b], at) => `${at ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
  const ends = [points[0], points.at(-1)];
  const lows = [Math.min(...points.map((one) => one[1])), Math.max(...points.map((one) => one[1]))];
  const title = `${y} over ${x}`;
  return {
    title,
    element: drawing(high, title, [
      s("line", { x1: 50, y1: high - 20, x2: WIDE - 10, y2: high - 20 }),
      ends.map(([a], at) => s("text", { x: px(a), y: high - 4, "text-anchor": at ? "end" : "start" }, String(a))),
      lows.map((b) => s("text", { x: 44, y: py(b) + 4, "text-anchor": "end" }, b.toLocaleString("en", { maximumFractionDigits: 2 }))),
      s("path", { class: "stroke", d: path }),
    ]),
  };
}

const drawing = (high, title, parts) => s("svg", { class: "chart", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": title }, parts);

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
