"""Reciprocal rank fusion."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_core.search.fusion import K, fuse, rank_key

RANKINGS = st.dictionaries(
    st.sampled_from(["dense", "lexical", "leaf", "image"]), st.lists(st.sampled_from("abcdefgh"), max_size=8)
)


def test_a_hit_of_both_beats_a_hit_of_one() -> None:
    """The worked example: second in both rankings beats first in one."""
    fused = fuse({"dense": ["a", "b"], "lexical": ["c", "b"]})
    assert [hit.id for hit in fused] == ["b", "a", "c"]
    assert fused[0].score == pytest.approx(2 / (K + 2))
    assert {name: part.rank for name, part in fused[0].parts.items()} == {"dense": 2, "lexical": 2}


def test_weights_multiply_and_zero_leaves_out() -> None:
    """A ranking adds its weight over 60 plus the rank; a ranking of weight zero adds nothing, not even its hits."""
    fused = fuse({"text": ["a"], "image": ["b"], "other": ["c"]}, weights={"text": 0.3, "image": 0.7, "other": 0})
    assert [hit.id for hit in fused] == ["b", "a"]
    assert [hit.score for hit in fused] == pytest.approx([0.7 / 61, 0.3 / 61])


def test_ties_go_to_the_callers_order_then_rank_then_id() -> None:
    """Equal scores are ordered by the given key first, and by id at last."""
    assert [hit.id for hit in fuse({"x": ["b"], "y": ["a"]})] == ["a", "b"]
    first_in_x = fuse({"x": ["b"], "y": ["a"]}, tie=lambda hit: 0 if "x" in hit.parts else 1)
    assert [hit.id for hit in first_in_x] == ["b", "a"]


@given(RANKINGS, st.randoms())
def test_the_order_of_rankings_is_immaterial(rankings: dict[str, list[str]], random: Random) -> None:
    """Fusing the same rankings in another order gives the same hits in the same order."""
    names = list(rankings)
    random.shuffle(names)
    assert fuse(rankings) == fuse({name: rankings[name] for name in names})


@given(RANKINGS)
def test_parts_explain_the_score(rankings: dict[str, list[str]]) -> None:
    """Every id appears once, and its parts add up to its score."""
    fused = fuse(rankings)
    assert sorted(hit.id for hit in fused) == sorted({one for ids in rankings.values() for one in ids})
    for hit in fused:
        assert hit.score == pytest.approx(sum(part.contribution for part in hit.parts.values()))
        assert all(part.contribution == part.weight / (K + part.rank) for part in hit.parts.values())


@given(RANKINGS, st.sampled_from("abcdefgh"))
def test_moving_up_never_hurts(rankings: dict[str, list[str]], one: str) -> None:
    """An id that is put first in every ranking comes first."""
    better = {name: [one, *(other for other in ids if other != one)] for name, ids in rankings.items()}
    if better:
        assert fuse(better)[0].id == one


def test_scores_that_differ_in_the_last_bits_are_ties() -> None:
    """Two engines that add in different orders give the same order of hits."""
    assert sorted([(0.5 + 1e-8, "b"), (0.5, "a")], key=lambda hit: rank_key(*hit)) == [(0.5, "a"), (0.5 + 1e-8, "b")]
