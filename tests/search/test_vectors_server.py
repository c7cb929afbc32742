"""The adapter of a Qdrant server where the contract does not reach: failures, and several processes."""

from __future__ import annotations

from unittest import mock

import pytest

from videovector_adapters.qdrant.layout import indexed
from videovector_adapters.qdrant.server import QdrantVectors, connect
from videovector_core.errors import Unavailable
from videovector_core.testing.vectors import OTHER_SPACE, SPACE, mine, named, point, unit
from videovector_core.vectors.lexical import query_weights


async def test_a_server_that_is_away_is_unavailable_and_says_when_to_come_back() -> None:
    """With nobody on the port every method raises `Unavailable` with a time to wait."""
    vectors = QdrantVectors(connect("http://127.0.0.1:9"))
    for attempt in (
        vectors.upsert([point("one", 1, 0, 0, 0)]),
        vectors.delete([named("one")]),
        vectors.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=1),
        vectors.lexical({1: 1.0}, within=mine(), top_k=1),
        vectors.versions(),
        vectors.count(),
    ):
        with pytest.raises(Unavailable) as caught:
            await attempt
        assert caught.value.retry_after >= 1
    await vectors.close()


async def test_spaces_that_another_process_made_are_found() -> None:
    """Two adapters on one server see each other's spaces and points, whoever came first."""
    client = connect(":memory:")
    one, other, third = (QdrantVectors(client) for _ in range(3))
    assert await other.count() == await third.count() == 0
    await one.upsert([point("here", 1, 0, 0, 0)])
    (found,) = await other.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=3)
    assert found.point.id == named("here")
    await other.upsert([point("there", 1, 1, 0, 0)])
    assert await one.count() == 2
    await third.delete([named("here"), named("there")])
    assert await one.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=3) == []
    assert await QdrantVectors(client).nearest(OTHER_SPACE, unit(1, 0, 0), within=mine(), top_k=3) == []
    await client.close()


async def test_texts_that_another_process_wrote_are_counted_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that only asks comes to the sample of texts that those who write use, so both give the same scores."""
    monkeypatch.setattr("videovector_adapters.qdrant.server.CORPUS", 4)
    monkeypatch.setattr("videovector_adapters.qdrant.server._COUNT_AGAIN_SECONDS", -1.0)
    client, terms = connect(":memory:"), query_weights("kiosk")
    asking, writing = QdrantVectors(client), QdrantVectors(client)
    await writing.upsert([point("first", text="kiosk")])
    assert len(await asking.lexical(terms, within=mine(), top_k=3)) == 1
    await writing.upsert([point(f"text {number}", text="kiosk") for number in range(20)])
    assert await asking.lexical(terms, within=mine(), top_k=3) == await writing.lexical(terms, within=mine(), top_k=3)
    await client.close()


async def test_vectors_of_an_older_version_are_refused_and_the_log_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Points without the fields that searches look at now would be found by none: nothing is asked of them."""
    client = connect(":memory:")
    await client.create_collection("videovector", vectors_config={})
    with pytest.raises(Unavailable, match="older version"):
        await QdrantVectors(client).count()
    assert "videovector reindex" in caplog.text
    await client.close()


async def test_a_collection_that_was_made_in_part_gets_its_indexes() -> None:
    """A process that died between a collection and its payload indexes leaves them to the next one."""
    client = connect(":memory:")
    with (
        mock.patch.object(client, "create_payload_index", side_effect=OSError),
        pytest.raises(Unavailable),
    ):
        await QdrantVectors(client).count()
    with mock.patch.object(client, "create_payload_index", wraps=client.create_payload_index) as made:
        assert await QdrantVectors(client).count() == 0
    assert {call.args[1] for call in made.call_args_list} == {*indexed(main=True)}
    await client.close()
