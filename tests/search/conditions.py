"""Random documents and conditions over one small vocabulary, so that they often meet; and a world that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from attrs import evolve

from videovector_core.app import Tx
from videovector_core.ports import Begin
from videovector_core.runs.model import Outcome, SegmentResult
from videovector_core.search.filters import (
    LENGTHS,
    OPERATORS,
    VALUELESS,
    Condition,
    Filter,
    Operator,
    ValueType,
    normalised,
)
from videovector_core.search.matching import filter_document, matches
from videovector_core.search.ports import FilterScope
from videovector_core.testing import stores_room as make

TEXTS = (
    *("happy", "Happy", "  HAPPY ", "sad", "un happy", "", "   ", "straße", "STRASSE", "ﬁne", "fine", "é", "e\u0301"),
    *("\x00", "a\x00b", "\ud800", "İ", "100%", "a_b", "\\", "'", "x" * 70, "x" * 64 + "y", "\U0010ffff", "~", "%s"),
)
NUMBERS = (0, -0.0, 1, 1.0, 0.1, 0.8, 0.80, -3, 2**60, 2**60 + 1, 1e22, 10**22, 1e-300, 1e300, 10**400, 3.5)
PATHS = {
    ValueType.STRING: (
        *("title", "scene.place", "tags[]", "people[].emotion", "people[].job.name", "people[].hands[].side"),
        *("people[].notes[]", "metadata_text", "transcription", "none"),
    ),
    ValueType.INTEGER: ("count", "people[].age", "nums[]"),
    ValueType.NUMBER: ("score", "people[].confidence", "people[].hands[].size", "nums[]"),
    ValueType.BOOLEAN: ("ok", "people[].smiles", "flags[]"),
    ValueType.ARRAY: ("tags", "tags[]", "nums", "flags", "people", "people[].notes", "people[].hands", "none"),
}


def document(random: Random) -> dict[str, Any]:
    """Make a document; now and then something has another shape than its name promises."""
    full = {
        "title": _text(random),
        "count": _number(random),
        "score": _number(random),
        "ok": random.random() < 0.5,
        "tags": _some(random, lambda: _text(random)),
        "nums": _some(random, lambda: _number(random)),
        "flags": _some(random, lambda: random.random() < 0.5),
        "scene": {"place": _text(random)},
        "people": _some(random, lambda: _person(random)),
    }
    return _worn(random, full)


def wanted(random: Random) -> Filter:
    """Make a filter of one to four conditions, at times with alternatives and denials."""
    return Filter(
        [condition(random) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))],
        [[condition(random) for _ in range(random.choice((1, 2)))] for _ in range(random.choice((0, 0, 0, 1, 2)))],
        [condition(random) for _ in range(random.choice((0, 0, 0, 1)))],
    )


def condition(random: Random) -> Condition:
    """Make a condition that the table of operators allows."""
    kind = random.choice((ValueType.STRING, *ValueType, ValueType.ARRAY))
    operator = random.choice(sorted(OPERATORS[kind]))
    path = random.choice(PATHS[kind])
    if operator in VALUELESS:
        return Condition.read(path, operator, kind)
    return Condition.read(path, operator, kind, _value(random, kind, operator))


async def fill(begin: Begin[Tx], documents: Sequence[dict[str, Any]]) -> None:
    """Save documents as the results of run 1, over two media items."""
    async with begin() as tx:
        for video in ("vid_1", "vid_2"):
            await tx.media.add(make.medium(video))
        await tx.runs.add(make.run(), [make.run_medium("run_1", "vid_1"), make.run_medium("run_1", "vid_2")])
        for place, found in enumerate(documents):
            bare = SegmentResult(
                "run_1", f"seg_{place:04d}", f"vid_{1 + place % 2}", make.USER, place, float(place // 3), 99.0
            )
            await tx.results.plan([bare])
            await tx.results.save(
                evolve(
                    bare,
                    status=Outcome.SUCCESSFUL,
                    metadata=found,
                    metadata_text=_kept(found.get("title")),
                    transcription=True if place % 3 else None,
                    spoken="happy days" if place % 3 == 1 else "",
                )
            )


async def differences(stores: Sequence[Begin[Tx]], asked: Filter, count: int) -> str | None:
    """Compare the stores with the evaluator, a page at a time; say what differs."""
    scope = FilterScope(make.USER, ("run_1",))
    async with stores[0]() as tx:
        rows = await tx.results.many(make.USER, [("run_1", f"seg_{place:04d}") for place in range(count)])
    right = {row.segment_id for row in rows if matches(filter_document(row), asked)}
    orders = []
    for begin in stores:
        order: list[str] = []
        after = None
        while True:
            async with begin() as tx:
                page = await tx.filters.page(scope, asked, limit=7, after=after)
            order += [place.segment_id for place in page]
            if len(page) < 7:
                break
            after = page[-1].key
        if set(order) != right or len(order) != len(right):
            return f"{begin} gives {sorted(set(order) ^ right)} otherwise for {asked}"
        orders.append(order)
    return None if all(order == orders[0] for order in orders) else f"another order for {asked}"


def _value(random: Random, kind: ValueType, operator: Operator) -> Any:
    if operator in LENGTHS:
        return random.choice((0, 1, 2, 3))
    if operator is Operator.ITEM_EQUALS:
        return random.choice((_needle(random), random.choice(NUMBERS), True, False))
    if operator is Operator.ITEM_CONTAINS or kind is ValueType.STRING:
        return _needle(random)
    if kind is ValueType.BOOLEAN:
        return random.random() < 0.5
    return random.choice([one for one in NUMBERS if kind is ValueType.NUMBER or isinstance(one, int)])


def _kept(title: Any) -> str:
    return normalised(title) if isinstance(title, str) else ""


def _needle(random: Random) -> str:
    text = random.choice([text for text in TEXTS if text.strip()])
    cut = random.choice((text, text, text[:3], text[-3:], text[1:2]))
    return cut if cut.strip() else text


def _text(random: Random) -> str:
    return random.choice(TEXTS)


def _number(random: Random) -> float:
    return random.choice(NUMBERS)


def _some(random: Random, make_one: Any) -> list[Any]:
    return [make_one() for _ in range(random.choice((0, 1, 2, 3)))]


def _person(random: Random) -> dict[str, Any]:
    return _worn(
        random,
        {
            "emotion": _text(random),
            "confidence": _number(random),
            "age": _number(random),
            "smiles": random.random() < 0.5,
            "job": {"name": _text(random)},
            "notes": _some(random, lambda: _text(random)),
            "hands": _some(random, lambda: _worn(random, {"side": _text(random), "size": _number(random)})),
        },
    )


def _worn(random: Random, full: dict[str, Any]) -> dict[str, Any]:
    """Leave things out, empty them, or put something of another kind in their place."""
    kept = {}
    for name, value in full.items():
        fate = random.random()
        if fate < 0.12:
            continue
        odd: tuple[Any, ...] = (
            None,
            "",
            [],
            {},
            "happy",
            1,
            True,
            [None],
            ["happy", None, 1, True, []],
            {"emotion": "happy", "a.b": 1},
        )
        kept[name] = random.choice(odd) if fate < 0.2 else value
    return kept
