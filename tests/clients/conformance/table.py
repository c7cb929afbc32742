"""The page on compatibility, made of what the walks took down."""

from __future__ import annotations

from typing import Any

from tests.http.test_ledger import catalogue

HEAD = """# Compatibility

Every public method of the published Python clients, called on a server that runs as users run it: with a database, a
vector engine, a storage and a model endpoint. `yes` means that the call was answered with the status shown, that the
client understood the answer, that no field which it declares was missing, and that the answer was right. `-` means that
the client has no such method. Calls of `POST /auth/processing-activity`, which the newer client sends before it uploads,
runs and searches, are not listed again. Written by `python -m tests.clients.conformance`, and tested to be current.

"""

Walks = dict[str, dict[str, Any]]
"""The rows of each walk, by its heading."""


def page(walks: Walks) -> str:
    """Return the page."""
    heads = list(walks)
    lines = [f"| Method | Route | Status | {' | '.join(heads)} |", f"|---|---|---|{'---|' * len(heads)}"]
    for method in sorted({name for rows in walks.values() for name in rows}):
        found = [rows[method] for rows in walks.values() if method in rows]
        routes, statuses = _routes([one for row in found for one in row["routes"]])
        cells = [_cell(rows.get(method)) for rows in walks.values()]
        lines.append(f"| `{method}` | {routes} | {statuses} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    return f"no: {row['wrong']}" if row["wrong"] else "yes"


def _routes(asked: list[list[Any]]) -> tuple[str, str]:
    """Return routes and statuses of the answers that were no refusals."""
    good = {(method, template(method, path), status) for method, path, status in asked if status < 400}
    routes = sorted({f"`{method} {path}`" for method, path, _ in good})
    return ", ".join(routes), ", ".join(sorted({str(status) for _, _, status in good}))


def template(method: str, path: str) -> str:
    """Return the published route that a path belongs to: of several that fit, the one with the fewest parameters."""
    fits = [
        route for verb, route in catalogue() if verb == method and _fits(route.removeprefix("/api/v2").split("/"), path)
    ]
    assert fits, f"{method} {path} is no published route"
    return min(fits, key=lambda route: route.count("{}")).removeprefix("/api/v2").replace("{}", "{id}")


def _fits(parts: list[str], path: str) -> bool:
    given = path.split("/")
    return len(given) == len(parts) and all(ours in ("{}", theirs) for ours, theirs in zip(parts, given, strict=True))


__all__ = ["Walks", "page", "template"]
