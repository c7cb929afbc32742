"""Draws the rooms of the house from their imports: `python -m tests.docs.diagram > docs/explanation/architecture.svg`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from textwrap import wrap
from typing import Final

import grimp
from attrs import frozen

CORE, ADAPTERS, HTTP = PACKAGES = ("videovector_core", "videovector_adapters", "videovector_http")
WIDTH: Final = 1080
MARGIN: Final = 24
ROW: Final = 74
LINE: Final = 15
OURS: Final = {*sys.stdlib_module_names, *PACKAGES, "attrs"}
"""What says nothing about a room when it imports it: every room does."""

Imports = Mapping[str, set[str]]


@frozen
class Box:
    """A room on the sheet: its name, the small lines below the name, and its place in pixels."""

    name: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    def svg(self) -> str:
        """Draw it."""
        middle = self.x + self.width / 2
        parts = [
            f'<rect x="{self.x:.0f}" y="{self.y:.0f}" width="{self.width:.0f}" height="{self.height:.0f}" rx="6"/>',
            f'<text x="{middle:.0f}" y="{self.y + 20:.0f}">{escape(self.name)}</text>',
        ]
        for number, line in enumerate(self.lines):
            y = self.y + 38 + number * LINE
            parts.append(f'<text class="small" x="{middle:.0f}" y="{y:.0f}">{escape(line)}</text>')
        return "".join(parts)


def graph() -> grimp.ImportGraph:
    """Read who imports what."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def rooms(found: grimp.ImportGraph, package: str, *, folders: bool = False) -> list[str]:
    """List the rooms of a package by name; only its folders when so asked."""
    names = (one for one in found.find_children(package) if not folders or found.find_children(one))
    return sorted(name.partition(".")[2] for name in names)


def stands_on(found: grimp.ImportGraph, package: str) -> dict[str, set[str]]:
    """Return which rooms of a package each room of it imports, without what follows from the others."""
    imports: dict[str, set[str]] = defaultdict(set)
    for module in found.modules:
        for other in found.find_modules_directly_imported_by(module):
            one, two = ([*name.split("."), ""] for name in (module, other))
            if one[0] == two[0] == package and "" not in {one[1], two[1]} and one[1] != two[1]:
                imports[one[1]].add(two[1])
    return {name: direct(name, imports) for name in rooms(found, package)}


def direct(name: str, imports: Imports) -> set[str]:
    """Return what a room imports, but for what those rooms lead to themselves."""
    mine = imports.get(name, set())
    return {one for one in mine if not any(one in _reached(other, imports) for other in mine - {one})}


def _reached(name: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    ahead = list(imports.get(name, ()))
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            ahead += imports.get(one, ())
    return seen


def storeys(imports: Imports) -> list[list[str]]:
    """Put each room above all that it imports: the highest storey first, neighbours near what they stand on."""
    heights: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in heights:
            heights[name] = 1 + max((height(one) for one in imports[name]), default=-1)
        return heights[name]

    found: list[list[str]] = [[] for _ in range(1 + max(map(height, imports)))]
    for name in sorted(imports):
        found[heights[name]].append(name)
    places: dict[str, float] = {}
    for storey in found:
        means = {name: _mean([places[one] for one in imports[name]]) for name in storey}
        storey.sort(key=lambda name: (means[name], name))
        places |= {name: (number + 0.5) / len(storey) for number, name in enumerate(storey)}
    return found[::-1]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.5


def libraries(found: grimp.ImportGraph, room: str) -> list[str]:
    """List what a room imports that is neither ours nor Python's."""
    inside = [room, *found.find_descendants(room)]
    imported = {other for module in inside for other in found.find_modules_directly_imported_by(module)}
    return sorted({name.partition(".")[0] for name in imported} - OURS)


def row(names: Iterable[str], y: float, height: float, lines: Mapping[str, list[str]] | None = None) -> list[Box]:
    """Put rooms beside each other over the whole width."""
    names, gap = list(names), 14
    width = min(150.0, (WIDTH - 2 * MARGIN - gap * (len(names) + 1)) / len(names))
    left = (WIDTH - len(names) * (width + gap) + gap) / 2
    return [
        Box(name, tuple((lines or {}).get(name, ())), left + number * (width + gap), y, width, height)
        for number, name in enumerate(names)
    ]


def band(title: str, y: float, height: float) -> str:
    """Draw what holds the rooms of a package."""
    return (
        f'<rect class="band" x="{MARGIN / 2:.0f}" y="{y:.0f}" width="{WIDTH - MARGIN:.0f}" height="{height:.0f}" rx="10"/>'
        f'<text class="title" x="{MARGIN:.0f}" y="{y + 22:.0f}">{escape(title)}</text>'
    )


def arrow(upper: Box, lower: Box) -> str:
    """Draw that one room imports another."""
    x, y, to, below = upper.x + upper.width / 2, upper.y + upper.height, lower.x + lower.width / 2, lower.y
    bend = (below - y) / 2
    return f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to:.0f} {below - bend:.0f} {to:.0f} {below:.0f}"/>'


HEAD: Final = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} %d" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>The rooms of the three packages, and what stands on what in the core</title>
<style>text{{text-anchor:middle;fill:#1f2328}}.small{{font-size:11px;fill:#57606a}}.title{{text-anchor:start;font-weight:600}}
rect{{fill:#fff;stroke:#8c959f}}.band{{fill:#f6f8fa;stroke:#d0d7de}}path{{fill:none;stroke:#6e7781;stroke-opacity:.6}}</style>
<rect width="{WIDTH}" height="%d" style="fill:#fff;stroke:none"/>
"""


def folders(found: grimp.ImportGraph, package: str, title: str, note: str, y: float) -> tuple[str, float]:
    """Draw a package as its folders with the libraries of each, and return where it ends."""
    names = rooms(found, package, folders=True)
    beside_them = set(rooms(found, package)) - set(names)
    if package == HTTP:
        beside_them &= set(rooms(found, CORE))
    small = {name: wrap(", ".join(libraries(found, f"{package}.{name}")), 16, break_long_words=False) for name in names}
    height = 34 + LINE * max(map(len, small.values()))
    beside = wrap(f"{note}: {', '.join(sorted(beside_them))}", 150)
    notes = "".join(
        f'<text class="small" style="text-anchor:start" x="{MARGIN}" y="{y + height + 62 + number * LINE:.0f}">{line}</text>'
        for number, line in enumerate(beside)
    )
    total = height + 62 + LINE * len(beside)
    return "".join([band(title, y, total), *(box.svg() for box in row(names, y + 34, height, small)), notes]), y + total


def core(found: grimp.ImportGraph, y: float) -> tuple[str, float]:
    """Draw the core storey by storey, with an arrow for each import that does not follow from others."""
    imports = stands_on(found, CORE)
    for everything in ("app", "testing"):  # one puts all of it together, the other tests all of it
        imports.pop(everything)
    levels = storeys(imports)
    boxes = {box.name: box for number, names in enumerate(levels) for box in row(names, y + 38 + number * ROW, 32)}
    ground = set(levels[-1])
    arrows = [arrow(boxes[one], boxes[two]) for one in imports for two in sorted(imports[one] - ground)]
    total = 38 + ROW * len(levels)
    title = f"{CORE}: the domain, no I/O; app puts the rooms together, and all of them stand on the lowest ones"
    return "".join([band(title, y, total), *arrows, *(box.svg() for box in boxes.values())]), y + total


def page() -> str:
    """Draw the whole house."""
    found = graph()
    title = f"{HTTP}: what drives it; stands on the two below"
    upper, end = folders(found, HTTP, title, "routes named like the rooms of the core", MARGIN / 2)
    title = f"{ADAPTERS}: a folder for each outside system; stands on the core"
    middle, end = folders(found, ADAPTERS, title, "doors that several share, and what puts them together", end + 18)
    lower, end = core(found, end + 18)
    height = end + MARGIN / 2
    return "\n".join([HEAD % (height, height) + upper, middle, lower, "</svg>\n"])


if __name__ == "__main__":
    sys.stdout.write(page())
