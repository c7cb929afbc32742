"""The labelled set by group: as the product ranks, by vectors alone, by words alone. None of it depends on the load."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import structlog

from tests.bench.rows import Row
from tests.evaluations.ways import filmed


async def bench() -> list[Row]:
    """Measure recall, MRR and nDCG of 160 questions."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with filmed(Path(folder)) as films:
            hybrid, *others = [(way, await films.evaluated(way)) for way in ("hybrid", "dense", "lexical")]
    for group, found in {**hybrid[1].groups, "all": hybrid[1].overall}.items():
        for name in ("recall@10", "mrr", "ndcg"):
            values = {way: {**one.groups, "all": one.overall}[group] for way, one in others}
            beside = ", ".join(f"{way} {_measure(one, name):.3f}" for way, one in values.items())
            rows.append(Row(f"{group} ({found.queries} queries), {name}", _measure(found, name), "", beside))
    return rows


def _measure(found: object, name: str) -> float:
    if name.startswith("recall@"):
        return float(found.recall[name.removeprefix("recall@")])  # type: ignore[attr-defined]  # the wire's metrics
    return float(getattr(found, name))
