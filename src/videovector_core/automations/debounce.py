"""When what arrived is imported: after a quiet time, but not later than four times that after the first of it.

A steady drip would push the quiet time away for ever, so the window closes by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from videovector_core.automations.model import Window

PATIENCE: Final = 4
"""A window is open for at most so many intervals."""
LOOK: Final = timedelta(minutes=5)
"""The longest time between two looks."""


def seen(window: Window | None, mark: str | None, now: datetime) -> Window | None:
    """Return the window after a look; `mark` stands for all that is new, `None` for nothing."""
    if mark is None:
        return None
    if window is None:
        return Window(now, now, mark)
    return window if window.mark == mark else evolve(window, changed_at=now, mark=mark)


def closes_at(window: Window, interval: timedelta) -> datetime:
    """Return when a window closes, if nothing more changes."""
    return min(window.changed_at + interval, window.opened_at + PATIENCE * interval)


def next_look(window: Window | None, now: datetime, interval: timedelta) -> datetime:
    """Return when to look again: often enough to see what changes, and at the moment that the window closes."""
    regular = now + min(interval / 2, LOOK)
    return regular if window is None else max(now, min(regular, closes_at(window, interval)))
