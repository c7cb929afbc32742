"""Filling a schema with what the evidence says, word for word; no key, no network, no generation.

Every value can be traced: a sentence or phrase of the transcript or of the screen, the name of a picture label, a
member of an enum that the evidence supports, a number or a truth that it states, a time of a quote. What has no
evidence is left out, and the warning says so. Text from media is only ever quoted, so it cannot instruct anything.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from attrs import define, evolve, field

from videovector_adapters.local.extractive.filling import Filler
from videovector_adapters.local.extractive.judging import readable
from videovector_adapters.local.extractive.meaning import read_field
from videovector_adapters.local.extractive.pool import Pool, Sense, from_evidence, from_results
from videovector_core.fields import FieldPath, Leaf, Step, leaves, subschema, values
from videovector_core.models.ports import (
    Extraction,
    ExtractionRequest,
    SynthesisRequest,
    TextEmbedder,
    Usage,
    Vector,
)

MODEL: Final = "local-extractive"
_QUOTES: Final = 200
"""Quotes of one request that get a vector; about a second of one core."""
_QUERIES: Final = 300
"""Names of fields and members of enums that get a vector."""
_REMEMBERED: Final = 2000
_NAMED: Final = re.compile(r"[A-Za-z_][\w -]*(?:\[\d*\])?(?:\.[A-Za-z_][\w -]*(?:\[\d*\])?)*")
_LISTED: Final = 12


@define
class ExtractiveExtractor:
    """An `Extractor` and a `Synthesizer` that quotes. With an `embedder` it also knows evidence by its meaning."""

    embedder: TextEmbedder | None = None
    _known: OrderedDict[str, Vector] = field(factory=OrderedDict, init=False)
    """Vectors of names and members, which are the same for every segment of a run."""

    async def extract(self, request: ExtractionRequest) -> Extraction:
        """Fill the schema from the evidence of one segment."""
        pool = await asyncio.to_thread(from_evidence, request.evidence)
        return await self._fill(request.json_schema, pool, request.rejected)

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        """Fill the schema from the results of the segments."""
        pool = await asyncio.to_thread(from_results, request.evidence)
        return await self._fill(request.json_schema, pool, request.rejected)

    async def _fill(self, schema: Mapping[str, Any], pool: Pool, rejected: tuple[str, str] | None) -> Extraction:
        known = evolve(pool, sense=await self._sense(schema, pool))
        filler = Filler(_paths_in(rejected[1]) if rejected else frozenset())
        document = await asyncio.to_thread(filler.document, schema, known)
        return Extraction(
            text=json.dumps(document, ensure_ascii=False),
            model=MODEL,
            usage=Usage(),
            warning=_warning(schema, document),
        )

    async def _sense(self, schema: Mapping[str, Any], pool: Pool) -> Sense:
        """Embed the evidence and what the schema asks for, in one call; names that were embedded before are kept."""
        if self.embedder is None or not (pool.quotes or pool.labels):
            return Sense()
        queries = list(islice(dict.fromkeys(_queries(schema)), _QUERIES))
        texts = list(dict.fromkeys([*(quote.text for quote in pool.quotes[:_QUOTES]), *pool.names]))
        # taken now: others may push them out of memory during the call
        known = {query: self._known[query] for query in queries if query in self._known}
        fresh = [query for query in queries if query not in known]
        vectors = await self.embedder.embed([*texts, *fresh])
        made = dict(zip(fresh, vectors[len(texts) :], strict=True))
        self._known.update(made)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return Sense(known | made | dict(zip(texts, vectors, strict=False)))


def _queries(schema: Mapping[str, Any]) -> Iterable[str]:
    for leaf in leaves(schema):
        if leaf.enum is not None:
            yield from (readable(member) for member in leaf.enum if isinstance(member, str))
        elif leaf.type == "string":
            names = [step.name for step in leaf.path.steps]
            yield read_field(names[-1], subschema(schema, leaf.path) or {}, names[:-1]).query


def _paths_in(reasons: str) -> frozenset[str]:
    """Find the field paths that a rejection names, positions in arrays left out."""
    return frozenset(re.sub(r"\[\d+\]", "[]", match[0].strip()) for match in _NAMED.finditer(reasons))


def _warning(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    empty = [leaf for leaf in leaves(schema) if not any(_says(found.value) for found in values(document, leaf.path))]
    if not empty:
        return None
    blank = [leaf for leaf in empty if _is_there(document, leaf)]
    absent = [leaf for leaf in empty if leaf not in blank]
    parts = [
        *([f"no evidence for {_listed(absent)}"] if absent else []),
        *([f"required and without evidence, so left empty: {_listed(blank)}"] if blank else []),
    ]
    return f"Quoted from transcript, on-screen text and picture labels; {'; '.join(parts)}."


def _says(value: Any) -> bool:
    return value is not None and value not in ("", [])


def _is_there(document: Mapping[str, Any], leaf: Leaf) -> bool:
    *before, last = leaf.path.steps
    return any(True for _ in values(document, FieldPath((*before, Step(last.name)))))


def _listed(found: Sequence[Leaf]) -> str:
    shown = ", ".join(str(leaf.path) for leaf in found[:_LISTED])
    return f"{shown} and {len(found) - _LISTED} more" if len(found) > _LISTED else shown


__all__ = ["MODEL", "ExtractiveExtractor"]
