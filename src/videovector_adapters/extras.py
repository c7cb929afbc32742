"""Saying which extra brings what an adapter needs."""

from __future__ import annotations

from importlib.util import find_spec


def requires(extra: str, *modules: str) -> None:
    """Go on when all modules are installed; otherwise say what to install.

    Raises:
        ModuleNotFoundError: names the missing module and the extra that brings it.
    """
    missing = next((module for module in modules if find_spec(module) is None), None)
    if missing is not None:
        raise ModuleNotFoundError(
            f"{missing} is not installed; get it with: pip install 'videovector-core[{extra}]'", name=missing
        )
