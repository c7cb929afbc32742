"""Writes the page of error codes from where they are raised: `python -m tests.docs.errors > docs/reference/errors.md`."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import define, frozen

from tests.docs.pages import ROOT
from videovector_core.errors import VideoVectorError
from videovector_http.errors import BY_STATUS, STATUS

SOURCES: Final = ROOT / "src"
LEAST: Final = 20
"""A message with fewer characters says nothing by itself, and another one is looked for."""
CODE: Final = re.compile(r"[a-z]+(_[a-z]+)*")

HEAD: Final = """# Error codes

Every answer that is not 2xx has the same shape: `{"error": {"code", "message", "details", "request_id", "timestamp"},
"request_id"}`, with `retry_after` and the header `Retry-After` where waiting helps. `code` is stable; `message` ends with what to
do next and may change; `details` tells programs what the message tells people. `…` stands for what differs.

What fails in the background answers no request: its code is then shown where the failure is, as the reason of a failed segment, of a
file of an import, of an export or of a delivery. Those are the codes below 502. This page is written by `python -m tests.docs.errors`
from the places that raise errors, and tested to name every one.
"""


@frozen(order=True)
class Code:
    """A code with the status that goes with it, and what is said with it first."""

    status: int
    code: str
    message: str


@define
class Module:
    """The source of a module."""

    name: str
    tree: ast.Module

    def calls(self) -> Iterator[ast.Call]:
        """List everything that it calls."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def texts(self) -> dict[str, str]:
        """Return its constants that are texts."""
        return {
            target.id: node.value.value
            for node in self.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }


def modules() -> list[Module]:
    """Read every module of the three packages."""
    paths = sorted(SOURCES.rglob("*.py"))
    return [Module(_dotted(path), ast.parse(path.read_text())) for path in paths if "testing" not in path.parts]


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")


def codes() -> list[Code]:
    """List every code that an answer or a failure can have, with one message each."""
    found: dict[tuple[int, str], str] = {}
    for one in _all():
        if len(found.get((one.status, one.code), "")) < LEAST:
            found[one.status, one.code] = one.message
    return sorted(Code(status, code, message) for (status, code), message in found.items())


def _all() -> Iterator[Code]:
    yield from (Code(status, code, message) for status, (code, message) in BY_STATUS.items())
    read = modules()
    names = {name: text for module in read for name, text in module.texts().items()}
    for module in read:
        kinds = _kinds(module)
        for call in module.calls():
            yield from _raised(call, kinds, names, module)


def _kinds(module: Module) -> dict[str, type[VideoVectorError]]:
    """Return the errors that a module knows, by the names that it calls them."""
    named = {name for node in ast.walk(module.tree) for name in _names(node)}
    return {name: _EVERY[name] for name in named & set(_EVERY)}


def _names(node: ast.AST) -> list[str]:
    return [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []


def _subclasses(kind: type[VideoVectorError]) -> Iterator[type[VideoVectorError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _subclasses(below)


def _loaded() -> dict[str, type[VideoVectorError]]:
    for module in ("videovector_adapters.children", "videovector_adapters.secrets", "videovector_http.app"):
        importlib.import_module(module)
    return {kind.__name__: kind for kind in _subclasses(VideoVectorError)}


_EVERY: Final = _loaded()


def _raised(
    call: ast.Call, kinds: dict[str, type[VideoVectorError]], names: dict[str, str], module: Module
) -> Iterator[Code]:
    """Tell what a call raises, when it makes an error."""
    name = (_names(call.func) or [""])[0]
    if name == "of" and isinstance(call.func, ast.Attribute) and _names(call.func.value) == ["NotFound"]:
        for kind in _constants(call.args[0], names):
            yield Code(
                404, f"resource_{kind}_not_found", f"There is no {kind.replace('_', ' ')} '…'; list what you have."
            )
    if name not in kinds:
        return
    error, message = kinds[name], _text(call.args[0]) if call.args else ""
    given = next((one.value for one in call.keywords if one.arg == "code"), None)
    told = [error.default_code] if given is None else _constants(given, names)
    status = next(STATUS[cls] for cls in error.__mro__ if cls in STATUS)
    yield from (Code(status, one, message) for one in told)
    if not told:
        yield from (Code(status, code, said) for code, said in _elsewhere(module))


def _constants(node: ast.expr, names: dict[str, str]) -> list[str]:
    """Return the texts that an expression may be; none when that cannot be seen here."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return _constants(node.body, names) + _constants(node.orelse, names)
    return [names[name] for name in _names(node) if name in names]


def _elsewhere(module: Module) -> Iterator[tuple[str, str]]:
    """Find codes in the tables of a module, beside their messages, and in what its helpers are given."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                texts = [text for one in (key, *ast.walk(value)) if (text := _constant(one)) is not None]
                if isinstance(value, ast.Tuple) and len(texts) == 2 and CODE.fullmatch(texts[0]):
                    yield texts[0], texts[1]
        elif isinstance(node, ast.Call) and _names(node.func) == ["_invalid"]:
            codes_given = (_constant(one) for one in node.args[2:])
            yield from ((code, _text(node.args[0])) for code in codes_given if code is not None)


def _constant(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _text(node: ast.expr) -> str:
    """Write a message with an ellipsis where something is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def page() -> str:
    """Return the page."""
    parts, status = [HEAD], 0
    for one in codes():
        if one.status != status:
            status = one.status
            parts.append(f"\n## {status}\n\n| Code | Message |\n|---|---|\n")
        told = one.message if re.search(r"\w", one.message) else "It says what is wrong."
        parts.append(f"| `{one.code}` | {told} |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
