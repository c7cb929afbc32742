"""What every `VectorIndex` keeps.

Inherit `VectorIndexContract` in a test module and give it a fixture `vectors`: an engine, empty for each test.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_OID, uuid5

from videovector_core.errors import Invalid
from videovector_core.models.ports import Vector
from videovector_core.vectors.lexical import document_weights, inverse_document_frequency, query_weights
from videovector_core.vectors.ports import Point, PointKind, Scope, Scored, VectorIndex

SPACE = "text@4"
OTHER_SPACE = "Bilder / été: 3"
EVERY_KIND = tuple(PointKind)


def unit(*values: float) -> Vector:
    """Return the vector scaled to length 1."""
    length = math.hypot(*values)
    return array("f", (value / length for value in values))


def point(
    name: str,
    *values: float,
    text: str | None = None,
    user: str = "user_a",
    run: str = "run_1",
    kind: PointKind = PointKind.SEGMENT,
    version: int = 1,
    index: str | None = "idx_1",
    video: str = "vid_1",
    segment: str | None = "seg_1",
    field_path: str | None = None,
) -> Point:
    """Make a point whose id follows from `name`, with a vector in `SPACE` when `values` are given."""
    return Point(
        id=named(name),
        kind=kind,
        user_id=user,
        run_id=run,
        video_id=video,
        version=version,
        index_id=index,
        segment_id=segment,
        field_path=field_path,
        dense={SPACE: unit(*values)} if values else {},
        sparse=None if text is None else document_weights(text),
    )


def named(name: str) -> str:
    """Return the id of the point that is called `name`."""
    return str(uuid5(NAMESPACE_OID, name))


def ids(found: Sequence[Scored]) -> list[str]:
    """Return the ids of what was found, in order."""
    return [one.point.id for one in found]


def mine(**limits: tuple[str, ...] | None) -> Scope:
    """Return the scope of the first user's segments, narrowed by `limits`."""
    return Scope(user_id="user_a", **limits)  # type: ignore[arg-type]  # names are those of Scope


class VectorIndexContract:
    """The promises of `VectorIndex`, one test each."""

    async def test_vectors_are_counted_by_space(self, vectors: VectorIndex) -> None:
        """Every space says how many vectors it has, also after one was written twice and another one deleted."""
        await vectors.upsert([point("a", 1, 0, 0, 0), point("b", 0, 1, 0, 0), point("c", text="no vector")])
        await vectors.upsert([point("a", 0, 0, 1, 0)])
        await vectors.delete([named("b")])
        found = await vectors.indexing()
        assert {space: one.vectors for space, one in found.items() if one.vectors} == {SPACE: 1}
        assert all(one.indexed >= 0 for one in found.values())

    async def test_the_nearest_come_first_by_cosine(self, vectors: VectorIndex) -> None:
        """Hits are ordered by cosine, which is their score, and no more than top_k come back."""
        await vectors.upsert([point("far", 0, 1, 0, 0), point("near", 3, 1, 0, 0), point("off", -1, 0, 0, 0)])
        found = await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=2)
        assert ids(found) == [named("near"), named("far")]
        assert math.isclose(found[0].score, 3 / math.sqrt(10), abs_tol=1e-4)
        assert math.isclose(found[1].score, 0, abs_tol=1e-4)

    async def test_a_hit_carries_every_field_and_no_vector(self, vectors: VectorIndex) -> None:
        """What was written comes back whole, without its vectors."""
        whole = Point(
            id=named("whole"),
            kind=PointKind.LEAF,
            user_id="user_a",
            run_id="run_1",
            video_id="vid_1",
            version=7,
            index_id="idx_1",
            segment_id="seg_1",
            field_path="scene.people[].emotion",
            instance_key='[2,"fröhlich \\u0000"]',
            time=12.345678901234567,
            dense={SPACE: unit(1, 0, 0, 0)},
        )
        await vectors.upsert([whole])
        (found,) = await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(kinds=EVERY_KIND), top_k=5)
        assert found.point == _bare(whole)
        assert found.score == 1

    async def test_absent_fields_come_back_absent(self, vectors: VectorIndex) -> None:
        """Fields that were not given are `None` on the hit, for both kinds of search."""
        bare = point("bare", 1, 0, 0, 0, text="kiosk", index=None, segment=None)
        await vectors.upsert([bare])
        (near,) = await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=5)
        (lexical,) = await vectors.lexical(query_weights("kiosk"), within=mine(), top_k=5)
        assert near.point == lexical.point == _bare(bare)

    async def test_writing_an_id_again_replaces_the_whole_point(self, vectors: VectorIndex) -> None:
        """The old vectors, texts and fields are gone, in every space and in the lexical index."""
        await vectors.upsert([point("one", 1, 0, 0, 0, text="kiosk", run="run_1")])
        replaced = Point(
            id=named("one"),
            kind=PointKind.SEGMENT,
            user_id="user_a",
            run_id="run_2",
            video_id="vid_1",
            version=2,
            dense={OTHER_SPACE: unit(1, 0, 0)},
        )
        await vectors.upsert([replaced])
        assert await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=5) == []
        assert await vectors.lexical(query_weights("kiosk"), within=mine(), top_k=5) == []
        (found,) = await vectors.nearest(OTHER_SPACE, unit(1, 0, 0), within=mine(), top_k=5)
        assert found.point == _bare(replaced)
        assert await vectors.count(within=mine(run_ids=("run_1",))) == 0
        assert await vectors.versions() == [(named("one"), 2)]

    async def test_the_last_of_equal_ids_in_one_write_stays(self, vectors: VectorIndex) -> None:
        """An id that comes twice in one call is written in order."""
        await vectors.upsert([point("one", 1, 0, 0, 0, version=1), point("one", 0, 1, 0, 0, version=2)])
        assert await vectors.versions() == [(named("one"), 2)]
        (found,) = await vectors.nearest(SPACE, unit(0, 1, 0, 0), within=mine(), top_k=5)
        assert (found.score, found.point.version) == (1, 2)

    async def test_deleted_points_are_gone_at_once(self, vectors: VectorIndex) -> None:
        """After a delete returned, no kind of search or count sees the point; an unknown id is no error."""
        await vectors.upsert([point("one", 1, 0, 0, 0, text="kiosk"), point("two", 1, 1, 0, 0, text="kiosk")])
        await vectors.delete([named("one"), named("never written")])
        assert ids(await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=5)) == [named("two")]
        assert ids(await vectors.lexical(query_weights("kiosk"), within=mine(), top_k=5)) == [named("two")]
        assert await vectors.count() == 1
        assert await vectors.versions() == [(named("two"), 1)]

    async def test_nothing_to_do_is_no_error(self, vectors: VectorIndex) -> None:
        """Empty writes, deletes and queries are answered with nothing, and so is a space that nothing was written to."""
        await vectors.upsert([])
        await vectors.delete([])
        assert await vectors.nearest("nowhere", unit(1, 0), within=mine(), top_k=5) == []
        assert await vectors.lexical({}, within=mine(), top_k=5) == []
        assert await vectors.versions() == []
        assert await vectors.count() == 0

    async def test_other_users_are_invisible(self, vectors: VectorIndex) -> None:
        """A search names its user and never sees another's points, whatever else it names."""
        await vectors.upsert([point("theirs", 1, 0, 0, 0, text="kiosk", user="user_b")])
        wide = mine(run_ids=("run_1",), kinds=EVERY_KIND)
        assert await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=wide, top_k=5) == []
        assert await vectors.lexical(query_weights("kiosk"), within=wide, top_k=5) == []
        assert await vectors.count(within=wide) == 0

    async def test_every_part_of_a_scope_narrows(self, vectors: VectorIndex) -> None:
        """Runs, indexes, videos, segments, field paths and kinds each keep out what they do not name."""
        inside = point("in", 1, 0, 0, 0, text="kiosk", field_path="a.b")
        out = {
            "run_ids": point("run", 1, 0, 0, 0, text="kiosk", field_path="a.b", run="run_2"),
            "index_ids": point("index", 1, 0, 0, 0, text="kiosk", field_path="a.b", index=None),
            "video_ids": point("video", 1, 0, 0, 0, text="kiosk", field_path="a.b", video="vid_2"),
            "segment_ids": point("segment", 1, 0, 0, 0, text="kiosk", field_path="a.b", segment="seg_2"),
            "field_paths": point("path", 1, 0, 0, 0, text="kiosk", field_path="a.bc"),
        }
        await vectors.upsert([inside, *out.values(), point("kind", 1, 0, 0, 0, text="kiosk", kind=PointKind.VIDEO)])
        names = {
            "run_ids": ("run_1",),
            "index_ids": ("idx_1", "idx_unknown"),
            "video_ids": ("vid_1",),
            "segment_ids": ("seg_1",),
            "field_paths": ("a.b",),
        }
        for limit, outside in out.items():
            scope = mine(**{limit: names[limit]})
            near = ids(await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=scope, top_k=10))
            assert named("in") in near
            assert outside.id not in near
            assert sorted(ids(await vectors.lexical(query_weights("kiosk"), within=scope, top_k=10))) == sorted(near)
            assert await vectors.count(within=scope) == len(near)
        assert ids(await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(**names), top_k=10)) == [named("in")]
        assert named("kind") not in ids(await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=10))

    async def test_a_scope_may_be_wide(self, vectors: VectorIndex) -> None:
        """Thousands of runs in a scope narrow like a few, with an index and without."""
        await vectors.upsert(
            [
                point("in", 1, 0, 0, 0, text="kiosk"),
                point("other index", 1, 0, 0, 0, text="kiosk", index="idx_2"),
                point("no index", 1, 0, 0, 0, text="kiosk", index=None),
                point("other run", 1, 0, 0, 0, text="kiosk", run="run_2"),
                point("theirs", 1, 0, 0, 0, text="kiosk", user="user_b"),
            ]
        )
        places = {None: ("in", "other index", "no index"), ("idx_1",): ("in",), ("idx_1", "idx_9"): ("in",)}
        for runs in (1, 5_000, 40_000):
            run_ids = ("run_1", *(f"run_x{number}" for number in range(runs)))
            for indexes, names in places.items():
                scope = mine(run_ids=run_ids, index_ids=indexes)
                expected = sorted(map(named, names))
                assert ids(await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=scope, top_k=10)) == expected
                assert ids(await vectors.lexical(query_weights("kiosk"), within=scope, top_k=10)) == expected
                assert await vectors.count(within=scope) == len(expected)

    async def test_an_empty_list_in_a_scope_means_nothing_at_all(self, vectors: VectorIndex) -> None:
        """`None` does not restrict; an empty tuple leaves nothing to find."""
        await vectors.upsert([point("one", 1, 0, 0, 0, text="kiosk")])
        for limit in ("run_ids", "index_ids", "video_ids", "segment_ids", "field_paths", "kinds"):
            scope = mine(**{limit: ()})
            assert await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=scope, top_k=5) == []
            assert await vectors.lexical(query_weights("kiosk"), within=scope, top_k=5) == []
            assert await vectors.count(within=scope) == 0

    async def test_ties_are_broken_by_id(self, vectors: VectorIndex) -> None:
        """Of many equal hits the lowest ids come back, in order, however few are asked for."""
        many = [point(f"tie {number}", 1, 0, 0, 0, text="kiosk") for number in range(200)]
        await vectors.upsert([*many, point("best", 1, 0, 0, 0, text="kiosk kiosk"), point("worst", 0, 1, 0, 0)])
        lowest = sorted(one.id for one in many)
        near = await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=3)
        assert ids(near) == sorted([*lowest, named("best")])[:3]
        lexical = await vectors.lexical(query_weights("kiosk"), within=mine(), top_k=4)
        assert ids(lexical) == [named("best"), *lowest[:3]]

    async def test_lexical_scores_are_bm25(self, vectors: VectorIndex) -> None:
        """The score is the sum of frequency weights by inverse document frequency; texts without a term are no hits."""
        texts = {"a": "red car", "b": "red red tree", "c": "blue sky", "d": "a red kiosk by a tree"}
        await vectors.upsert([point(name, text=text) for name, text in texts.items()])
        found = await vectors.lexical(query_weights("red tree"), within=mine(), top_k=10)
        expected = _bm25("red tree", texts)
        assert ids(found) == [named(name) for name in sorted(expected, key=lambda name: -expected[name])]
        for one in found:
            (score,) = [score for name, score in expected.items() if named(name) == one.point.id]
            assert math.isclose(one.score, score, abs_tol=1e-4)

    async def test_ties_among_those_that_share_enough_are_broken_by_id(self, vectors: VectorIndex) -> None:
        """Of many equal hits that share enough terms the lowest ids come back; equals that share too few are left out."""
        both = [point(f"both {number}", text="kiosk tree") for number in range(60)]
        one = [point(f"one {number}", text="kiosk") for number in range(60)]
        await vectors.upsert(one)
        assert await vectors.lexical(query_weights("kiosk tree"), within=mine(), top_k=3, least=2) == []
        await vectors.upsert(both)
        found = await vectors.lexical(query_weights("kiosk tree"), within=mine(), top_k=4, least=2)
        assert ids(found) == sorted(one.id for one in both)[:4]

    async def test_points_that_share_too_few_terms_are_left_out(self, vectors: VectorIndex) -> None:
        """Of the best, those stay that share as many of the terms as are wanted, however high they score."""
        texts = {"a": "red car", "b": "red red red tree", "c": "a red car by a tree", "d": "blue sky", "e": "car tree"}
        await vectors.upsert([point(name, text=text) for name, text in texts.items()])
        for least, names in ((0, "abce"), (1, "abce"), (2, "abce"), (3, "c"), (4, "")):
            found = await vectors.lexical(query_weights("red car tree"), within=mine(), top_k=10, least=least)
            assert {one.point.id for one in found} == {named(name) for name in names}
        best = await vectors.lexical(query_weights("red car tree"), within=mine(), top_k=1, least=3)
        assert ids(best) == [named("c")]
        assert best[0].point.video_id
        assert await vectors.lexical(query_weights("red kiosk"), within=mine(), top_k=10, least=2) == []

    async def test_term_weights_are_those_of_all_texts_of_the_user(self, vectors: VectorIndex) -> None:
        """Narrowing a search does not change scores, and neither do other users' texts."""
        texts = {"a": "red car", "b": "red tree", "c": "blue sky"}
        await vectors.upsert([point(name, text=text, run=f"run_{name}") for name, text in texts.items()])
        await vectors.upsert([point(f"b{number}", text="red red", user="user_b") for number in range(20)])
        wide = await vectors.lexical(query_weights("red car"), within=mine(), top_k=10)
        (narrow,) = await vectors.lexical(query_weights("red car"), within=mine(run_ids=("run_a",)), top_k=10)
        assert math.isclose(narrow.score, _bm25("red car", texts)["a"], abs_tol=1e-4)
        assert wide[0] == narrow

    async def test_spaces_are_apart(self, vectors: VectorIndex) -> None:
        """A point may have vectors in several spaces, of different sizes; a search sees one of them."""
        both = Point(
            id=named("both"),
            kind=PointKind.FRAME,
            user_id="user_a",
            run_id="run_1",
            video_id="vid_1",
            time=0.5,
            dense={SPACE: unit(1, 0, 0, 0), OTHER_SPACE: unit(0, 0, 1)},
        )
        only = point("only", 1, 0, 0, 0, kind=PointKind.FRAME)
        await vectors.upsert([both, only])
        frames = mine(kinds=(PointKind.FRAME,))
        assert ids(await vectors.nearest(OTHER_SPACE, unit(0, 0, 1), within=frames, top_k=5)) == [both.id]
        found = await vectors.nearest(SPACE, unit(1, 0, 0, 0), within=frames, top_k=5)
        assert ids(found) == sorted([both.id, only.id])

    async def test_a_vector_of_the_wrong_size_is_refused_whole(self, vectors: VectorIndex) -> None:
        """A space keeps the size of its first vector; a write or query that breaks it is `Invalid` and changes nothing."""
        await vectors.upsert([point("one", 1, 0, 0, 0)])
        await _refused(vectors.upsert([point("good", 0, 1, 0, 0), point("short", 1, 0)]))
        await _refused(vectors.nearest(SPACE, unit(1, 0), within=mine(), top_k=5))
        assert await vectors.count() == 1

    async def test_numbers_that_are_not_finite_are_refused(self, vectors: VectorIndex) -> None:
        """A vector with a NaN would poison every ranking: it is `Invalid`."""
        await vectors.upsert([point("one", 1, 0, 0, 0)])
        poisoned = Point(
            id=named("nan"),
            kind=PointKind.SEGMENT,
            user_id="user_a",
            run_id="run_1",
            video_id="vid_1",
            dense={SPACE: array("f", [math.nan, 0, 0, 0])},
        )
        await _refused(vectors.upsert([poisoned]))
        assert await vectors.versions() == [(named("one"), 1)]

    async def test_versions_page_through_everything_in_order(self, vectors: VectorIndex) -> None:
        """Pages of any size, each after the last id of the one before, give every id once, in order."""
        many = [point(f"page {number}", 1, 0, 0, number, version=number) for number in range(25)]
        await vectors.upsert(many)
        seen: list[tuple[str, int]] = []
        while page := await vectors.versions(after=seen[-1][0] if seen else None, limit=7):
            assert len(page) <= 7
            seen += page
        assert seen == sorted((one.id, one.version) for one in many)
        assert await vectors.versions(after=named("gone")) == [one for one in seen if one[0] > named("gone")]

    async def test_a_large_write_is_whole(self, vectors: VectorIndex) -> None:
        """More points than any batch holds are all there when the call returns."""
        many = [point(f"large {number}", 1, number, 0, 0, text=f"number {number}") for number in range(1500)]
        await vectors.upsert(many)
        assert await vectors.count(within=mine()) == 1500
        (found,) = await vectors.lexical(query_weights("1234"), within=mine(), top_k=5)
        assert found.point.id == named("large 1234")
        await vectors.delete([one.id for one in many])
        assert await vectors.count() == 0

    async def test_exact_search_is_exact(self, vectors: VectorIndex) -> None:
        """`exact` gives the true nearest, compared with plain arithmetic."""
        many = {f"e {n}": unit(math.sin(n), math.cos(n * n), math.sin(n / 3), 1) for n in range(300)}
        await vectors.upsert([point(name, *vector) for name, vector in many.items()])
        query = unit(0.3, -0.2, 0.9, 0.1)
        found = await vectors.nearest(SPACE, query, within=mine(), top_k=20, exact=True)
        true = sorted(many, key=lambda name: -sum(map(float.__mul__, query, many[name])))
        assert ids(found) == [named(name) for name in true[:20]]


def _bare(whole: Point) -> Point:
    return Point(
        id=whole.id,
        kind=whole.kind,
        user_id=whole.user_id,
        run_id=whole.run_id,
        video_id=whole.video_id,
        version=whole.version,
        index_id=whole.index_id,
        segment_id=whole.segment_id,
        field_path=whole.field_path,
        instance_key=whole.instance_key,
        time=whole.time,
    )


def _bm25(query: str, texts: Mapping[str, str]) -> dict[str, float]:
    weights = {name: document_weights(text) for name, text in texts.items()}
    scores: dict[str, float] = {}
    for term in query_weights(query):
        having = [name for name in texts if term in weights[name]]
        for name in having:
            idf = inverse_document_frequency(len(texts), len(having))
            scores[name] = scores.get(name, 0.0) + idf * weights[name][term]
    return scores


async def _refused(attempt: object) -> None:
    try:
        await attempt  # type: ignore[misc]  # a coroutine of the port
    except Invalid:
        return
    raise AssertionError("the call was not refused as Invalid")
