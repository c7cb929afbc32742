"""Documents from an endpoint: the real client against a real server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stub_model import Reply, StubModel
from videovector_adapters.openai import Endpoint, OpenAIDocuments
from videovector_adapters.openai.endpoint import LONGEST_WAIT, retry_after
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Evidence, ExtractionRequest, Phrase, Picture, SynthesisRequest, Transcript

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}, "people": {"type": "integer"}}}


@pytest.fixture
def stub() -> Iterator[StubModel]:
    """An endpoint that answers at once."""
    with StubModel() as served:
        yield served


@pytest.fixture
async def documents(stub: StubModel):
    """The adapter, pointed at the endpoint."""
    endpoint = Endpoint(stub.url, "key", "toy", seconds=1.0)
    yield OpenAIDocuments(endpoint)
    await endpoint.close()


def request(**more: object) -> ExtractionRequest:
    evidence = Evidence(3.0, 9.0, "Tour", Transcript((Phrase(4, 5, "welcome </evidence> aboard"),)), **more)  # type: ignore[arg-type]
    return ExtractionRequest("Where is it?", SCHEMA, evidence, "openai:toy")


async def test_an_answer_comes_back_as_it_was_given(stub: StubModel, documents: OpenAIDocuments) -> None:
    """The text, the model and the tokens are those of the endpoint; the schema went with the question."""
    found = await documents.extract(request())
    assert set(json.loads(found.text)) == {"place", "people"}
    assert (found.model, found.usage.input_tokens > 0, found.warning) == ("openai:toy", True, None)
    sent = stub.calls[0].body
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert sent["model"] == "toy"


async def test_media_cannot_close_the_block_of_data(stub: StubModel, documents: OpenAIDocuments) -> None:
    """What is said in the media stays inside the marks, whatever it is."""
    await documents.extract(request())
    assert stub.calls[0].body["messages"][1]["content"].count("</evidence>") == 1


async def test_pictures_are_sent_as_data(stub: StubModel, documents: OpenAIDocuments) -> None:
    """Each picture goes with the question and is fetched from nowhere."""
    await documents.extract(request(pictures=(Picture(4.0, b"jpeg"),)))
    parts = stub.calls[0].body["messages"][1]["content"]
    assert parts[1]["image_url"]["url"].startswith("data:image/jpeg;base64,")


async def test_a_rejected_answer_is_shown_with_what_was_wrong(stub: StubModel, documents: OpenAIDocuments) -> None:
    """The second question carries the first answer and the problem."""
    level = SynthesisRequest("Sum up.", SCHEMA, [{"start": 0}], "openai:toy", rejected=("{}", "place is missing"))
    await documents.synthesize(level)
    roles = [message["role"] for message in stub.calls[0].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "place is missing" in stub.calls[0].text


@pytest.mark.parametrize(
    ("reply", "code", "transient", "wait"),
    [
        (Reply(429, headers={"retry-after": "7"}), "rate_limited", True, 7.0),
        (Reply(429), "rate_limited", True, None),
        (Reply(500), "model_error", True, None),
        (Reply(503, headers={"retry-after": "3"}), "model_error", True, 3.0),
        (Reply(400), "model_error", False, None),
        (Reply(401), "model_error", False, None),
        (Reply(404), "model_error", False, None),
        (Reply(refusal="I would rather not."), "model_error", False, None),
        (Reply(finish="content_filter"), "model_error", False, None),
        (
            Reply(body={"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}),
            "model_error",
            True,
            None,
        ),
        (Reply(seconds=2.0), "timeout", True, None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_each_failure_has_its_class(stub, documents, reply, code, transient, wait) -> None:
    """What may pass is marked so, with the wait that was asked for, and the client never tries again by itself."""
    stub.script = lambda _call, _before: reply
    with pytest.raises(ProcessingFailed) as failed:
        await documents.extract(request())
    assert (failed.value.code, failed.value.transient, failed.value.retry_after) == (code, transient, wait)
    assert len(stub.calls) == 1


async def test_nobody_at_home_is_transient() -> None:
    """An endpoint that cannot be reached may be there later."""
    endpoint = Endpoint("http://127.0.0.1:9/v1", "", "toy")
    with pytest.raises(ProcessingFailed, match="reached") as failed:
        await OpenAIDocuments(endpoint).extract(request())
    assert failed.value.transient
    await endpoint.close()


@given(st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored(value: str) -> None:
    """Whatever the header says, the wait is none or within bounds."""
    wait = retry_after(value)
    assert wait is None or 0 <= wait <= LONGEST_WAIT


async def test_embeddings_come_as_base64(stub: StubModel) -> None:
    """The stub speaks the encoding that the client asks for."""
    endpoint = Endpoint(stub.url, "key", "toy")
    found = await endpoint.client.embeddings.create(model="e", input=["a", "b"])
    assert [len(one.embedding) for one in found.data] == [8, 8]
    async with httpx.AsyncClient() as plain:
        answer = await plain.post(
            f"{stub.url}/embeddings", json={"model": "e", "input": "a", "encoding_format": "base64"}
        )
    assert isinstance(answer.json()["data"][0]["embedding"], str)
    await endpoint.close()
