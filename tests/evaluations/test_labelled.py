"""What literal words add to vectors, on the labelled set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluations.labelled import labelled
from tests.evaluations.ways import WAYS, filmed
from tests.needs import needs
from videovector_adapters.local.catalog import MINILM
from videovector_adapters.local.weights import Weights


def test_the_set_is_the_same_every_time() -> None:
    """There are at least 150 questions in four groups, each with a right answer, and films follow from the file alone."""
    made, again = labelled(), labelled()
    assert made == again
    assert list(made.films()) == list(again.films())
    assert len(made.asked) >= 150
    assert len({one.group for one in made.asked}) == 4
    assert all(one.right for one in made.asked)
    assert len({one.machine for one in made.told}) == len(made.told)


@pytest.mark.real
@pytest.mark.timeout(600)
async def test_words_and_vectors_together_are_no_worse_anywhere(tmp_path: Path) -> None:
    """Names are found at least ten points of recall@10 more often than by vectors alone, and no group is found less."""
    weights = Weights()
    needs(weights.present(MINILM), "weights of all-MiniLM-L6-v2: videovector models fetch")
    async with filmed(tmp_path, weights) as films:
        hybrid, dense, lexical = [await films.evaluated(way) for way in WAYS]
    assert hybrid.groups["names"].recall["10"] >= dense.groups["names"].recall["10"] + 0.1
    for group, found in hybrid.groups.items():
        for other in (dense, lexical):
            assert found.recall["10"] >= other.groups[group].recall["10"], group
            assert found.ndcg >= other.groups[group].ndcg, group
    assert hybrid.overall.recall["10"] >= 0.98
