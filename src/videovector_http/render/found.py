"""Writing what a search found: hits with the frame that matched, a segment to show for a whole item, and reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videovector_core.search.fusion import K
from videovector_core.search.model import Hit
from videovector_http.render.hits import hit as written
from videovector_http.render.reader import Reader
from videovector_http.wire import search as wire


def found(reader: Reader, hits: Sequence[Hit], *, explain: bool = False) -> list[wire.SearchResult]:
    """Write the hits of a search."""
    return [written(hit, reader, **_more(reader, hit, explain=explain)) for hit in hits]


def looked_at(reader: Reader, hits: Sequence[Hit], *, explain: bool = False) -> list[wire.ImageSearchResult]:
    """Write the hits of an image search."""
    return [written(hit, reader, wire.ImageSearchResult, **_more(reader, hit, explain=explain)) for hit in hits]


def fused(reader: Reader, hits: Sequence[Hit], *, explain: bool = False) -> list[wire.MultimodalSearchResult]:
    """Write the hits of a fused search, each with the sides that found it."""
    return [
        written(
            hit,
            reader,
            wire.MultimodalSearchResult,
            match_type=match_type(hit),
            **_more(reader, hit, explain=explain),
        )
        for hit in hits
    ]


def match_type(hit: Hit) -> str:
    """Return the wire's word for the sides that found a hit."""
    if hit.text_rank is not None and hit.image_rank is not None:
        return "both"
    return "text_only" if hit.text_rank is not None else "image_only"


def explanation(hit: Hit) -> wire.ScoreExplanation:
    """Write what each ranking added to the score of a hit."""
    scores = {"dense": hit.similarity, "text": hit.text_score, "image": hit.image_score, "reranker": hit.reranked}
    parts = [
        wire.ScorePart(
            signal=name, rank=part.rank, score=scores.get(name), weight=part.weight, contribution=part.contribution
        )
        for name, part in sorted(hit.parts.items())
    ]
    return wire.ScoreExplanation(k=K, fused=hit.fused or 0.0, parts=parts)


def _more(reader: Reader, hit: Hit, *, explain: bool) -> dict[str, Any]:
    more: dict[str, Any] = {"explain": explanation(hit)} if explain else {}
    link, owner = reader.context.link, hit.item.user_id
    if hit.image_time is not None:
        frame = f"{hit.item.video_id}@{hit.image_time:.3f}"
        more["matched_image_uri"] = link(owner, "frame", frame)
    if hit.preview is not None:
        shown = reader.links(hit.item, hit.preview.segment_id)
        more |= {
            "preview_segment_id": hit.preview.segment_id,
            "preview_start_time": hit.preview.start,
            "preview_end_time": hit.preview.end,
            "preview_segment_uri": shown["segment_uri"],
            "preview_thumbnail_uri": shown["thumbnail_uri"],
            "preview_gif_uri": shown["gif_uri"],
        }
    return more
