"""One part of the embedded store: a Qdrant shard in a directory, with its payload indexes. Synchronous."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import qdrant_edge as qe
from attrs import define, field

from videovector_adapters.qdrant.layout import (
    BEAM,
    DENSE,
    HIDDEN,
    JOINED,
    SLACK,
    TENANT,
    TERMS,
    beam,
    indexed,
    older,
    oversampling,
    settled,
    tie,
)
from videovector_core.errors import Conflict
from videovector_core.search.fusion import rank_key

Hit = tuple[str, float, dict[str, Any]]
Where = Mapping[str, Sequence[str]]
MAX_TIES: Final = 16_384
"""So many equal hits are put in order of id; beyond, the engine decides which of the equals come back."""

_GRAPH: Final = 100_000
"""Vectors of one of several graphs, at least."""
_GRAPHS: Final = 10
_BARE: Final = 10_000 * 1024
"""Bytes of vectors that the engine leaves without a graph."""
_PAGE: Final = 1_000
_SAMPLED: Final = 500
_ITSELF: Final = 0.999
"""Cosine from which a vector that was found is the one that was looked for, or as good as it."""

_SHOWN: Final = qe.PayloadSelector.Exclude(list(HIDDEN))


@define
class Query:
    """A search of one part: a dense vector, or terms with the population of their document frequencies."""

    vector: list[float] | qe.SparseVector
    where: Where
    top_k: int
    exact: bool = False
    corpus: Where | None = None
    least: int = 1
    """Terms that a hit must share; fewer, and it is left out of the answer."""

    @property
    def whole(self) -> bool:
        """Whether vectors are wanted as well: which terms were met is seen from them only."""
        return self.least > 1

    def met(self, found: qe.Record) -> bool:
        """Say whether a point that was found shares as many terms as are wanted."""
        if not self.whole or not isinstance(self.vector, qe.SparseVector):
            return True
        terms = found.vector[TERMS] if isinstance(found.vector, dict) else None
        return isinstance(terms, qe.SparseVector) and len({*self.vector.indices} & {*terms.indices}) >= self.least

    def request(self, limit: int, view: int, *, with_payload: bool) -> qe.QueryRequest:
        """Return what the engine is asked for the best `limit` hits, with so many nodes of a graph in view."""
        sparse = isinstance(self.vector, qe.SparseVector)
        return qe.QueryRequest(
            limit=limit,
            query=qe.Query.Nearest(self.vector, using=TERMS if sparse else DENSE),
            filter=condition(self.where),
            params=self._lexical() if sparse else self._nearest(limit, view),
            with_payload=_SHOWN if with_payload else False,
        )

    def _nearest(self, limit: int, view: int) -> qe.SearchParams:
        quantized = qe.QuantizationSearchParams(ignore=self.exact, rescore=True, oversampling=oversampling(limit))
        return qe.SearchParams(hnsw_ef=max(view, limit), exact=self.exact, quantization=quantized)

    def _lexical(self) -> qe.SearchParams:
        return qe.SearchParams(idf=qe.IdfParams(condition(self.corpus) if self.corpus else None))


@define
class Part:
    """A shard: the main part when `size` is `None`, otherwise the part of a space with vectors of `size` dimensions."""

    directory: Path
    size: int | None
    shard: qe.EdgeShard = field(repr=False)

    @classmethod
    def create(cls, directory: Path, size: int | None, graph: int = _GRAPH) -> Part:
        """Make an empty shard for graphs of so many vectors; `directory` must not exist."""
        directory.mkdir(parents=True)
        part = cls(directory, size, qe.EdgeShard.create(os.fspath(directory), _config(size, graph)))
        part.index()
        return part

    @classmethod
    def load(cls, directory: Path, size: int | None) -> Part:
        """Open a shard that exists; what its write-ahead log holds beyond the last flush is applied again.

        Raises:
            Conflict: its points lack fields that searches have conditions on now.
        """
        shard = qe.EdgeShard.load(os.fspath(directory))
        known = shard.info()
        if known.points_count and not {*JOINED} <= known.payload_schema.keys():
            raise Conflict(older(os.fspath(directory.parent)))
        part = cls(directory, size, shard)
        part.index(known.payload_schema)
        return part

    def index(self, there: Container[str] = ()) -> None:
        """Make the payload indexes that are not there."""
        for name in indexed(main=self.size is None):
            if name not in there:
                self.shard.update(qe.UpdateOperation.create_field_index(name, _indexed(name)))

    def upsert(self, points: list[qe.Point]) -> None:
        """Write whole points."""
        if points:
            self.shard.update(qe.UpdateOperation.upsert_points(points))

    def delete(self, ids: Iterable[str]) -> None:
        """Remove those of the points that are there."""
        if present := self.present(list(ids)):
            self.shard.update(qe.UpdateOperation.delete_points(list(present)))

    def present(self, ids: list[str]) -> set[str]:
        """Return those of the ids that the part has."""
        return {str(one.id) for one in self.shard.retrieve(list(ids), False, False)} if ids else set()

    def read(self, ids: list[str]) -> dict[str, qe.Record]:
        """Return those of the points that are there, with fields and vectors."""
        return {str(one.id): one for one in self.shard.retrieve(list(ids), True, True)} if ids else {}

    def count(self, where: Where | None = None) -> int:
        """Count points, exactly."""
        return self.shard.count(qe.CountRequest(exact=True, filter=condition(where) if where else None))

    def indexed(self) -> int:
        """Count the vectors that an index knows; a point that was written twice since may count twice."""
        return self.shard.info().indexed_vectors_count

    def built(self, aside: Callable[[], Path]) -> Part:
        """Index what lies bare, for minutes; return this part, or one in the directory `aside` that is to take its place.

        The engine makes one graph of all that was written since the last build. Where that would be too large, or where
        what it leaves are not as many graphs as there ought to be, everything is laid out anew.
        """
        known = self.shard.info()
        few = self._graphs(known)
        if few == 1 or self._bare() <= 1.5 / few:
            self.shard.optimize()
            if few == 1 or few <= 2 * _laid(self.shard.info()) <= 4 * few:
                return self
        graph = -(-known.points_count // few)
        pages = -(-graph // _PAGE)
        part = Part.create(aside(), self.size, graph)
        for number, points in enumerate(self._pages(-(-graph // pages)), start=1):
            part.upsert(points)
            if number % pages == 0:
                part.shard.optimize()
                part.shard.flush()  # its log would grow to the size of everything
        part.shard.optimize()
        return part

    def _bare(self) -> float:
        """Return the share of vectors without a graph, by a sample.

        The engine does not tell: it counts those that were written again or removed in their old graphs still. Ids are by chance, so
        the first ones are a sample; each is looked for among what has a graph, or is too little for one.
        """
        sample = next(self._pages(_SAMPLED))
        params = qe.SearchParams(hnsw_ef=BEAM // 4, indexed_only=True)
        vectors = [one.vector[DENSE] for one in sample if isinstance(one.vector, dict)]
        asked = [qe.QueryRequest(limit=1, query=qe.Query.Nearest(one, using=DENSE), params=params) for one in vectors]
        answers = self.shard.query_batch(qe.QueryBatchRequest(asked))
        return sum(not any(one.score > _ITSELF for one in found) for found in answers) / max(1, len(asked))

    def _graphs(self, known: qe.ShardInfo) -> int:
        """Return how many graphs there ought to be.

        Several are searched on several cores and built sooner than one. 1,000,000 vectors on two cores, one graph and ten: 890 and
        605 s of building, 22 and 14 ms a search, recall@10 0.99 both. A search pays for their number, so they grow rather than
        become more.
        """
        if self.size is None:
            return 1
        least = max(_GRAPH, _BARE // (4 * self.size) + 1)
        return max(1, min(_GRAPHS, known.points_count // least))

    def _view(self) -> int:
        """Return how many nodes of each graph a search keeps in view."""
        known = self.shard.info()
        few = self._graphs(known)
        if 2 * _laid(known) < few:  # not laid out so yet
            few = 1
        return beam(known.points_count // few, few)

    def _pages(self, size: int) -> Iterator[list[qe.Point]]:
        """Read all points in order of id, which is by chance, so that each graph has a share of every neighbourhood."""
        after: qe.PointId | None = None
        while True:
            request = qe.ScrollRequest(offset=after, limit=size, with_payload=True, with_vector=True)
            found, after = self.shard.scroll(request)
            yield [qe.Point(one.id, one.vector or {}, one.payload) for one in found]
            if after is None:
                return

    def versions(self, after: str | None, limit: int) -> list[tuple[str, int]]:
        """Return ids and versions in order of id, after `after`."""
        request = qe.ScrollRequest(offset=after, limit=limit + 1, with_payload=["version"], with_vector=False)
        found = [(str(one.id), int((one.payload or {})["version"])) for one in self.shard.scroll(request)[0]]
        return [one for one in found if after is None or one[0] > after][:limit]

    def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        """Run searches as one batch, which costs the engine far less than one by one."""
        view = self._view()
        requests = [query.request(query.top_k + SLACK, view, with_payload=not query.whole) for query in queries]
        answers = self.shard.query_batch(qe.QueryBatchRequest(requests))
        return [self._settled(query, answer, view) for query, answer in zip(queries, answers, strict=True)]

    def _settled(self, query: Query, answer: list[qe.ScoredPoint], view: int) -> list[Hit]:
        """Ask for more while hits that tie with the last one wanted may be missing, then break ties by id."""
        limit = query.top_k + SLACK
        found = self._named(query, answer)
        while limit < MAX_TIES and not settled([one.score for one in answer], query.top_k, limit):
            equal = tie([one.score for one in answer], query.top_k)
            if not any(met for _, _, met in found[equal]):
                found = found[: equal.start]  # whichever of them come back, they are left out
                break
            limit = min(4 * limit, MAX_TIES)
            answer = self.shard.query(query.request(limit, view, with_payload=False))
            found = self._named(query, answer)
        best = sorted(found, key=lambda hit: rank_key(hit[1].score, hit[0]))[: query.top_k]
        kept = {name: one for name, one, met in best if met}
        payloads = {name: one.payload for name, one in kept.items()}
        if not all(payloads.values()):
            payloads = {str(one.id): one.payload for one in self.shard.retrieve(list(kept), _SHOWN, False)}
        return [(name, one.score, fields) for name, one in kept.items() if (fields := payloads.get(name))]

    def _named(self, query: Query, hits: Sequence[qe.ScoredPoint]) -> list[tuple[str, qe.ScoredPoint, bool]]:
        """Return hits with their ids, which the engine makes anew at every look, and whether they share enough terms."""
        names = [str(one.id) for one in hits]
        met = {*names}
        if query.whole:
            met = {str(one.id) for one in self.shard.retrieve(list(names), False, True) if query.met(one)}
        return [(name, one, name in met) for name, one in zip(names, hits, strict=True)]


def _laid(known: qe.ShardInfo) -> int:
    """Return how many graphs there are; one segment more takes what is new."""
    return known.segments_count - 1


def condition(where: Where) -> qe.Filter:
    """Return the filter that lets through what has one of the allowed values in every field."""
    return qe.Filter(must=[qe.FieldCondition(key, _match(values)) for key, values in where.items()])


def _match(values: Sequence[str]) -> qe.MatchValue | qe.MatchAny:
    return qe.MatchValue(values[0]) if len(values) == 1 else qe.MatchAny(list(values))


def _indexed(name: str) -> qe.KeywordIndexParams | qe.UuidIndexParams:
    # what every search has conditions on is loaded; the others are mapped, so that a start takes no longer
    if name in JOINED:
        return qe.UuidIndexParams(enable_hnsw=False, memory=qe.Memory.Pinned)
    links = None if name not in {"video_id", "segment_id"} else False
    return qe.KeywordIndexParams(is_tenant=name == TENANT, enable_hnsw=links, memory=qe.Memory.Cold)


def _config(size: int | None, graph: int) -> qe.EdgeConfig:
    if size is None:
        return qe.EdgeConfig(sparse_vectors={TERMS: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)})
    int8 = qe.ScalarQuantizationConfig(type=qe.ScalarType.Int8, quantile=0.99, memory=qe.Memory.Pinned)
    return qe.EdgeConfig(
        vectors={DENSE: qe.EdgeVectorParams(size, qe.Distance.Cosine, quantization_config=int8)},
        hnsw_config=qe.HnswIndexConfig(m=32, ef_construct=300, full_scan_threshold=10_000),
        # graphs are merged while their vectors take no more than so many KB
        optimizers=qe.EdgeOptimizersConfig(max_segment_size=5 * graph * size // 1024),
    )
