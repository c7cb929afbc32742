"""Vectors on a Qdrant server or cluster: one collection for the main part, one for each space, all tenants in each.

`user_id` is the tenant key of every collection, so a cluster keeps a tenant's points together; dense vectors are
quantised to int8 and the candidates scored again with the full vectors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from attrs import define, field
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from videovector_adapters.qdrant.layout import (
    BEAM,
    DENSE,
    HIDDEN,
    JOINED,
    SAMPLE,
    SLACK,
    TENANT,
    TERMS,
    check,
    check_id,
    corpus,
    indexed,
    older,
    oversampling,
    part_name,
    payload,
    scored,
    settled,
    tie,
    where,
)
from videovector_core.errors import Invalid, Unavailable
from videovector_core.models.ports import Vector
from videovector_core.search.fusion import rank_key
from videovector_core.vectors.lexical import CORPUS, SAMPLE_LEVELS
from videovector_core.vectors.ports import Indexing, Point, Scope, Scored

_log: Final = logging.getLogger(__name__)

Where = Mapping[str, Sequence[str]]
_LAYOUT: Final = 2
"""Counts up when points get fields that searches then have conditions on; the main collection names the one it was made with."""
_BATCH: Final = 256
_MAX_TIES: Final = 16_384
_COUNT_AGAIN: Final = 4_096
"""Writes after which a user's texts are counted anew for the sample level."""
_COUNT_AGAIN_SECONDS: Final = 600.0
"""The same where other processes do the writing."""


def connect(url: str, api_key: str | None = None, *, timeout: int = 30) -> AsyncQdrantClient:
    """Return a client of a server; `:memory:` is an engine inside this process, for small tests."""
    if url == ":memory:":
        return AsyncQdrantClient(":memory:")
    return AsyncQdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False)


@define
class QdrantVectors:
    """Implements `VectorIndex` on a server; writes are acknowledged when they can be searched (`wait=true`)."""

    client: AsyncQdrantClient
    collection: str = "videovector"
    retry_after: int = 5
    _sizes: dict[str, int] = field(factory=dict, init=False)
    _prepared: bool = field(default=False, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)
    _writes: int = field(default=0, init=False)
    _levels: dict[str, tuple[int, int, float]] = field(factory=dict, init=False)

    async def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points."""
        for point in points:
            check(point)
        latest = {point.id: point for point in points}
        async with self._door():
            await self._prepare()
            await self._learn()
            await self._admit(latest.values())
            for start in range(0, len(latest), _BATCH):
                await self._write(list(latest.values())[start : start + _BATCH])

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove points; ids that are not there are no error. The main collection comes last."""
        for one in ids:
            check_id(one)
        async with self._door():
            await self._prepare()
            await self._learn()
            for space in (*self._sizes, None):
                await self._remove(space, list(ids))

    async def nearest(
        self, space: str, vector: Vector, *, within: Scope, top_k: int, exact: bool = False
    ) -> list[Scored]:
        """Return the points of `space` that are nearest by cosine, best first."""
        allowed = where(within)
        async with self._door():
            await self._prepare()
            if allowed is None or top_k < 1 or not await self._known(space):
                return []
            self._check_size(space, len(vector))
            quantized = models.QuantizationSearchParams(ignore=exact, rescore=True, oversampling=oversampling(top_k))
            # a server keeps several graphs of a large collection, and looks at each of them with this view
            params = models.SearchParams(exact=exact, quantization=quantized, hnsw_ef=max(BEAM, top_k))
            return await self._search(space, vector.tolist(), DENSE, allowed, params, top_k)

    async def lexical(self, terms: Mapping[int, float], *, within: Scope, top_k: int, least: int = 1) -> list[Scored]:
        """Return the points that share a term with `terms`, best first, less those that share fewer than `least`."""
        allowed = where(within)
        if allowed is None or not terms or top_k < 1:
            return []
        async with self._door():
            await self._prepare()
            texts = corpus(within.user_id, await self._level(within.user_id))
            params = models.SearchParams(idf=models.IdfCorpusParams(corpus=_condition(texts)))
            vector = models.SparseVector(indices=list(terms), values=list(terms.values()))
            sharing = partial(self._sharing, terms=terms, least=least) if least > 1 else None
            return await self._search(None, vector, TERMS, allowed, params, top_k, sharing)

    async def versions(self, *, after: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
        """Return ids and versions in order of id."""
        async with self._door():
            await self._prepare()
            found, _ = await self.client.scroll(
                self._name(None), limit=limit + 1, offset=after, with_payload=["version"], with_vectors=False
            )
        pairs = [(str(one.id), int((one.payload or {})["version"])) for one in found]
        return [one for one in pairs if after is None or one[0] > after][:limit]

    async def count(self, *, within: Scope | None = None) -> int:
        """Count points, exactly."""
        allowed = where(within) if within else {}
        async with self._door():
            await self._prepare()
            return 0 if allowed is None else await self._count(allowed)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    # --- collections ---

    def _name(self, space: str | None) -> str:
        return self.collection if space is None else f"{self.collection}.{part_name(space)}"

    async def _prepare(self) -> None:
        """Make the main collection at the first call, and learn which spaces there are."""
        async with self._turn:
            if self._prepared:
                return
            if not await self.client.collection_exists(self._name(None)):
                idf = models.SparseVectorParams(modifier=models.Modifier.IDF)
                about = {"layout": _LAYOUT}
                await self._create(None, vectors_config={}, sparse_vectors_config={TERMS: idf}, metadata=about)
            made = await self.client.get_collection(self._name(None))
            if (made.config.metadata or {}).get("layout") != _LAYOUT:
                _log.error(older(f"the collection {self.collection!r} and those named {self.collection + '.*'!r}"))
                raise Unavailable("The vectors here were written by an older version; the operator has to renew them.")
            await self._index(None, made.payload_schema)
            self._sizes.clear()
            await self._learn()
            self._prepared = True

    async def _learn(self) -> None:
        """Look for spaces that other processes made since."""
        known = {self._name(space) for space in self._sizes}
        for one in (await self.client.get_collections()).collections:
            if one.name.startswith(f"{self.collection}.") and one.name not in known:
                found = await self.client.get_collection(one.name)
                space = (found.config.metadata or {}).get("space")
                vectors = found.config.params.vectors
                if isinstance(space, str) and isinstance(vectors, dict):
                    await self._index(space, found.payload_schema)
                    self._sizes[space] = vectors[DENSE].size

    async def _known(self, space: str) -> bool:
        """Say whether a space has a collection; another process may have made it."""
        if space not in self._sizes:
            await self._learn()
        return space in self._sizes

    async def _admit(self, points: Iterable[Point]) -> None:
        sizes = dict(self._sizes)
        for point in points:
            for space, vector in point.dense.items():
                if sizes.setdefault(space, len(vector)) != len(vector):
                    raise _wrong_size(space, sizes[space], len(vector))
        async with self._turn:
            for space in sizes.keys() - self._sizes.keys():
                await self._create_space(space, sizes[space])

    async def _create_space(self, space: str, size: int) -> None:
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
        quantized = models.ScalarQuantization(scalar=int8)
        params = models.VectorParams(
            size=size, distance=models.Distance.COSINE, on_disk=True, quantization_config=quantized
        )
        await self._create(space, vectors_config={DENSE: params}, metadata={"space": space})
        await self._index(space)
        self._sizes[space] = size

    async def _create(self, space: str | None, **config: Any) -> None:
        name = self._name(space)
        try:
            await self.client.create_collection(name, on_disk_payload=True, **config)
        except (UnexpectedResponse, ValueError):
            # another process made it first: its collection serves as well
            if not await self.client.collection_exists(name):
                raise

    async def _index(self, space: str | None, there: Container[str] = ()) -> None:
        """Make the payload indexes that a collection lacks: whoever made it may not have come further."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Payload indexes have no effect", UserWarning)
            for key in indexed(main=space is None):
                if key not in there:
                    await self.client.create_payload_index(
                        self._name(space), key, field_schema=_indexed(key), wait=True
                    )

    # --- points ---

    async def _write(self, points: Sequence[Point]) -> None:
        self._writes += len(points)
        await self._put(None, [_main_point(point) for point in points])
        for space in tuple(self._sizes):
            having = [point for point in points if space in point.dense]
            await self._put(space, [_space_point(point, space) for point in having])
            await self._remove(space, [point.id for point in points if space not in point.dense])

    async def _put(self, space: str | None, points: list[models.PointStruct]) -> None:
        if points:
            await self.client.upsert(self._name(space), points, wait=True)

    async def _remove(self, space: str | None, ids: list[str]) -> None:
        if ids:
            await self.client.delete(self._name(space), models.PointIdsList(points=list(ids)), wait=True)

    async def indexing(self) -> dict[str, Indexing]:
        """Count the vectors of each space, and how many of them an index knows."""
        async with self._door():
            await self._prepare()
            await self._learn()
            found = {}
            for space in self._sizes:
                info = await self.client.get_collection(self._name(space))
                vectors = await self.client.count(self._name(space), exact=True)
                found[space] = Indexing(vectors.count, info.indexed_vectors_count or 0)
            return found

    async def _search(
        self,
        space: str | None,
        vector: Any,
        using: str,
        allowed: Where,
        params: models.SearchParams,
        top_k: int,
        keep: Callable[[Sequence[str]], Awaitable[set[str]]] | None = None,
    ) -> list[Scored]:
        """Find the `top_k` best, ties by id; of these, return those that `keep` names."""
        limit = top_k + SLACK
        while True:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Local mode performs exact", UserWarning)
                answer = await self.client.query_points(
                    self._name(space),
                    query=vector,
                    using=using,
                    query_filter=_condition(allowed),
                    search_params=params,
                    limit=limit,
                    with_payload=models.PayloadSelectorExclude(exclude=list(HIDDEN)),
                )
            found = [one for one in answer.points if using == DENSE or one.score > 0]
            scores = [one.score for one in found]
            if limit >= _MAX_TIES or settled(scores, top_k, limit):
                break
            equal = tie(scores, top_k)
            if keep is not None and not await keep([str(one.id) for one in found[equal]]):
                found = found[: equal.start]  # whichever of them come back, they are left out
                break
            limit = min(4 * limit, _MAX_TIES)
        best = sorted(found, key=lambda one: rank_key(one.score, str(one.id)))[:top_k]
        kept = None if keep is None else await keep([str(one.id) for one in best])
        hits = [scored(str(one.id), one.score, one.payload or {}) for one in best]
        return [hit for hit in hits if kept is None or hit.point.id in kept]

    async def _sharing(self, ids: Sequence[str], terms: Mapping[int, float], least: int) -> set[str]:
        """Return those of the points that share at least `least` of the terms."""
        found = await self.client.retrieve(self._name(None), ids, with_payload=False, with_vectors=[TERMS])
        return {str(one.id) for one in found if len(terms.keys() & {*_terms(one)}) >= least}

    async def _count(self, allowed: Where) -> int:
        return (await self.client.count(self._name(None), count_filter=_condition(allowed), exact=True)).count

    async def _level(self, user: str) -> int:
        """Return the sample level of a user's texts; see `lexical`. Counting starts at the smallest sample."""
        known, now = self._levels.get(user), asyncio.get_running_loop().time()
        if known is None or self._writes - known[1] > _COUNT_AGAIN or now - known[2] > _COUNT_AGAIN_SECONDS:
            level = SAMPLE_LEVELS - 1
            while level and await self._count(corpus(user, level - 1)) <= CORPUS:
                level -= 1
            known = self._levels[user] = (level, self._writes, now)
        return known[0]

    def _check_size(self, space: str, given: int) -> None:
        if self._sizes[space] != given:
            raise _wrong_size(space, self._sizes[space], given)

    @contextlib.asynccontextmanager
    async def _door(self) -> AsyncIterator[None]:
        """Turn the client's errors into ours, in one place."""
        try:
            yield
        except UnexpectedResponse as error:
            if error.status_code in {400, 422}:
                raise Invalid(f"The vector server refused the request: {error.content!r:.300}") from error
            self._prepared = False  # somebody may have dropped the collections, to build them anew
            raise Unavailable("The vector server failed; try again.", retry_after=self.retry_after) from error
        except (ResponseHandlingException, ApiException, OSError) as error:
            raise Unavailable("The vector server is away; try again.", retry_after=self.retry_after) from error


def _wrong_size(space: str, expected: int, given: int) -> Invalid:
    return Invalid(f"Vectors of the space {space!r} have {expected} dimensions, not {given}.")


def _indexed(key: str) -> models.KeywordIndexParams | models.UuidIndexParams:
    if key in JOINED:
        return models.UuidIndexParams(type=models.UuidIndexType.UUID, enable_hnsw=False)
    return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=key == TENANT)


def _condition(allowed: Where) -> models.Filter:
    return models.Filter(
        must=[
            models.FieldCondition(key=key, match=models.MatchAny(any=list(values))) for key, values in allowed.items()
        ]
    )


def _main_point(point: Point) -> models.PointStruct:
    sparse = point.sparse or {}
    vector: Any = {TERMS: models.SparseVector(indices=list(sparse), values=list(sparse.values()))} if sparse else {}
    return models.PointStruct(id=point.id, vector=vector, payload=payload(point))


def _space_point(point: Point, space: str) -> models.PointStruct:
    fields = {name: value for name, value in payload(point).items() if name != SAMPLE}
    return models.PointStruct(id=point.id, vector={DENSE: point.dense[space].tolist()}, payload=fields)


def _terms(record: models.Record) -> Sequence[int]:
    terms = record.vector[TERMS] if isinstance(record.vector, dict) else None
    return terms.indices if isinstance(terms, models.SparseVector) else ()
