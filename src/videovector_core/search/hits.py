"""Hits out of results: what each ranking says of them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from videovector_core.prompts.render import IndexedLeaf, indexed_leaves
from videovector_core.search.fusion import Fused
from videovector_core.search.model import Hit, MatchedField, unit
from videovector_core.search.sides import Side
from videovector_core.vectors.ports import Scored


def text_hit(bare: Hit, one: Fused, side: Side) -> Hit:
    """Say what words found; what matched literally only has no similarity."""
    score = unit(side.best[one.id]) if one.id in side.best else None
    fields = matched(bare, side.fields.get(one.id, []))
    return evolve(bare, similarity=score, fused=one.score, parts=dict(one.parts), fields=fields)


def image_hit(bare: Hit, one: Fused, side: Side) -> Hit:
    """Say which frame of a segment looks most like the picture."""
    score = unit(side.best[one.id])
    time = side.frames[one.id].point.time
    return evolve(bare, similarity=score, parts=dict(one.parts), fused=one.score, image_score=score, image_time=time)


def fused_hit(bare: Hit, one: Fused, words: Side, looks: Side) -> Hit:
    """Say what each side gave; the similarity is that of words where there is one, else that of looks."""
    said = unit(words.best[one.id]) if one.id in words.best else None
    seen = unit(looks.best[one.id]) if one.id in looks.best else None
    frame = looks.frames.get(one.id) or words.frames.get(one.id)
    return evolve(
        bare,
        similarity=said if said is not None else seen,
        fused=one.score,
        parts=dict(one.parts),
        fields=matched(bare, words.fields.get(one.id, [])),
        text_score=said,
        image_score=seen,
        text_rank=words.ranks.get(one.id),
        image_rank=looks.ranks.get(one.id),
        image_time=frame.point.time if frame else None,
    )


def matched(hit: Hit, found: Sequence[Scored], most: int = 5) -> tuple[MatchedField, ...]:
    """Describe the fields of a hit that matched by themselves, best first."""
    if not found or hit.result is None:
        return ()
    prompt = hit.run.prompt
    leaves: dict[str, IndexedLeaf] = {
        leaf.instance_key: leaf
        for leaf in indexed_leaves(
            hit.result.metadata or {}, prompt.json_schema, prompt.semantic_indexing.disabled_segment_fields
        )
    }
    described = []
    for scored in sorted(found, key=lambda one: (-one.score, one.point.id)):
        leaf = leaves.get(scored.point.instance_key or "")
        if leaf is not None:
            described.append(
                MatchedField(
                    leaf.path,
                    leaf.instance_key,
                    unit(scored.score),
                    leaf.preview,
                    leaf.label,
                    leaf.instance_path,
                    leaf.instance_label,
                )
            )
    return tuple(described[:most])
