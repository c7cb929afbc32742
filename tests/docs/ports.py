"""Writes the page of ports and their contracts: `python -m tests.docs.ports > docs/reference/ports.md`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from tests.docs.pages import ROOT

CORE: Final = ROOT / "src" / "videovector_core"

HEAD = """# Ports and their contracts

A port is what the core asks of the outside: a protocol whose docstring is its promise. Whatever keeps the promise may stand there;
[write an adapter](../how-to/write-an-adapter.md) shows one, whole. `Contract` names the suite of `videovector_core.testing` that checks an
adapter of the port; a port without one is checked through the service that uses it. The stores of one transaction are
checked together, by the suites of `testing.stores_*`. This page is written by `python -m tests.docs.ports` and tested to name every port.
"""


@frozen
class Port:
    """A protocol of the core."""

    module: str
    name: str
    promise: str
    methods: tuple[tuple[str, str], ...]


def ports() -> list[Port]:
    """List every protocol of the core that adapters keep; a `Tx` only puts those together that one transaction serves."""
    paths = [path for path in sorted(CORE.rglob("*.py")) if "testing" not in path.parts]
    return [port for path in paths for port in _in(ast.parse(path.read_text()), _dotted(path.relative_to(CORE).parts))]


def _dotted(parts: tuple[str, ...]) -> str:
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


def _in(tree: ast.Module, module: str) -> Iterator[Port]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Protocol") for base in node.bases):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            told = tuple((one.name, _first(one)) for one in methods if one.name == "__call__" or one.name[0] != "_")
            if told and not node.name.endswith("Tx"):
                yield Port(module, node.name, _first(node), told)


def _first(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def contracts() -> dict[str, str]:
    """Return the suites by the port that each is for."""
    found = {}
    for path in sorted((CORE / "testing").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Contract"):
                found[node.name.removesuffix("Contract")] = f"testing.{path.stem}.{node.name}"
    return found


def page() -> str:
    """Return the page."""
    suites, parts, module = contracts(), [HEAD], ""
    for port in ports():
        if port.module != module:
            module = port.module
            parts.append(f"\n## {module}\n")
        parts.append(f"\n### {port.name}\n\n{port.promise}\n")
        suite = suites.get(port.name) or suites.get(port.name.removesuffix("Store").removesuffix("Log"))
        if suite:
            parts.append(f"\nContract: `{suite}`\n")
        parts += ["\n| Method | Promise |\n|---|---|\n", *(_row(name, told) for name, told in port.methods)]
    return "".join(parts)


def _row(name: str, told: str) -> str:
    return f"| `{name}` | {told.replace('|', chr(92) + '|')} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
