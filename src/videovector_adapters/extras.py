"""Saying which extra brings what an adapter needs."""

from __future__ import annotations

from importlib.util import find_spec


def requires(extra: str, *modules: str) -> None:
    """Go on when all modules are installed; otherwise say what to install.

    Raises:
        ModuleNotFoundError: names the missing module and the extra that brings it.
    """
    missing = next((module for module in modules if not _installed(module)), None)
    if missing is not None:
        raise ModuleNotFoundError(
            f"{missing} is not installed; get it with: pip install 'videovector-core[{extra}]'", name=missing
        )


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of `azure.storage.blob` not even `azure` is there
        return False
