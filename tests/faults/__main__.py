"""Break things for FAULTS_S seconds and count the promises that broke: `make faults`.

Every `faults_*.py` beside this file has a sentence `PROMISE` and `async def trial(seed: int) -> str | None`, which
returns what went wrong, or nothing. Modules take turns. Seeds go on where the last run stopped, and seeds that broke a
promise are kept in `.cache/faults.json` and tried again first, under the name of the module, or under `SERIES` where a
module has one because trials of different sizes are not to be counted together.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import msgspec

KEPT = Path(__file__).parents[2] / ".cache" / "faults.json"
TRIAL_S = 900


class Series(msgspec.Struct):
    """What is known of one promise: the next new seed, all trials, and the seeds whose last trial broke it."""

    next_seed: int = 0
    trials: int = 0
    broken: list[int] = []

    def seeds(self) -> Iterator[int]:
        """Yield the seeds that are broken, then new ones without end."""
        yield from tuple(self.broken)
        while True:
            self.next_seed += 1
            yield self.next_seed - 1

    def note(self, seed: int, reason: str | None) -> None:
        """Remember how a trial ended."""
        self.trials += 1
        self.broken = sorted({*self.broken, seed}) if reason else [other for other in self.broken if other != seed]


def main() -> int:
    """Run trials in turn until the time is up and print the table; 1 if a promise is broken."""
    # what trials started is ended at exit, and a plain SIGTERM would skip that
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = sys.argv[1:]
    names = sorted(path.stem for path in Path(__file__).parent.glob("faults_*.py"))
    modules = {name: importlib.import_module(f"tests.faults.{name}") for name in names}
    chosen = [name for name in names if not wanted or name.removeprefix("faults_") in wanted]
    kept = _load() if KEPT.exists() else {}
    ours = {name: kept.setdefault(getattr(modules[name], "SERIES", name), Series()) for name in chosen}
    before = {name: series.trials for name, series in ours.items()}
    _run({name: modules[name] for name in chosen}, ours, kept)
    sys.stdout.write("\n| promise | trials | of all | violations |\n|---|---|---|---|\n")
    for name in chosen:
        series = ours[name]
        remark = getattr(modules[name], "remark", None)  # a measured value that belongs to the promise
        promise = f"{modules[name].PROMISE} ({remark()})" if remark else modules[name].PROMISE
        row = (promise, series.trials - before[name], series.trials, len(series.broken))
        sys.stdout.write("| {} | {} | {} | {} |\n".format(*row))
    return int(any(series.broken for series in ours.values()))


def _run(modules: Mapping[str, ModuleType], ours: Mapping[str, Series], kept: Mapping[str, Series]) -> None:
    until = time.monotonic() + float(os.environ.get("FAULTS_S", "1200"))
    turns = {name: ours[name].seeds() for name in modules}
    for name in itertools.cycle(modules):
        seed = next(turns[name])
        begun = time.monotonic()
        reason = asyncio.run(_trial(modules[name], seed))
        ours[name].note(seed, reason)
        sys.stdout.write(f"{name} seed {seed}: {reason or 'held'} ({time.monotonic() - begun:.0f} s)\n")
        sys.stdout.flush()
        _save(kept)
        if time.monotonic() >= until:
            return


async def _trial(module: ModuleType, seed: int) -> str | None:
    try:
        reason: str | None = await asyncio.wait_for(module.trial(seed), TRIAL_S)
    except Exception as error:  # noqa: BLE001 - whatever a trial dies of is a broken promise
        return f"{type(error).__name__}: {error}"
    return reason


def _load() -> dict[str, Series]:
    return msgspec.json.decode(KEPT.read_bytes(), type=dict[str, Series])


def _save(kept: Mapping[str, Series]) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    aside = KEPT.with_suffix(".new")
    aside.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
    aside.replace(KEPT)


if __name__ == "__main__":
    sys.exit(main())
