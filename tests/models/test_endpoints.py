"""Speech and text vectors from an endpoint keep the promises of every such model; settings choose who does what."""

from __future__ import annotations

import contextlib
import json
import wave
from array import array
from pathlib import Path

import pytest

from tests.stub_model import Reply, StubModel
from videovector_adapters.modelling import Chosen
from videovector_adapters.openai import Endpoint, OpenAIDocuments, OpenAITextEmbedder, OpenAITranscriber
from videovector_adapters.openai.dialects import Dialect
from videovector_adapters.settings import Settings, WrongSetting
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Evidence, ExtractionRequest, Usage
from videovector_core.models.routing import ByModel
from videovector_core.testing.models import TextEmbedderContract, TranscriberContract

RATE = 16_000
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}}


def sound(path: Path, seconds: float, *, loud: int = 3000, quiet_at: float | None = None) -> Path:
    """Write a WAV file of a hum, with a second of silence at `quiet_at`."""
    values = array("h", (loud if step % 80 < 40 else -loud for step in range(round(seconds * RATE))))
    if quiet_at is not None:
        begin = round(quiet_at * RATE)
        values[begin : begin + RATE] = array("h", bytes(2 * RATE))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(values.tobytes())
    return path


@pytest.fixture
def stub():
    with StubModel() as served:
        yield served


@pytest.fixture
async def endpoint(stub):
    one = Endpoint(stub.url, "key", "toy")
    yield one
    await one.close()


class TestEmbedder(TextEmbedderContract):
    """The endpoint's vectors."""

    @pytest.fixture
    def embedder(self, endpoint):
        return OpenAITextEmbedder(endpoint, 16)

    async def test_vectors_come_packed(self, embedder, stub) -> None:
        """The client asks for base64, for so many dimensions, and for at most so many texts at once."""
        await embedder.embed(["a"] * 300)
        assert [len(call.body["input"]) for call in stub.calls] == [128, 128, 44]
        assert {(call.body["encoding_format"], call.body["dimensions"]) for call in stub.calls} == {("base64", 16)}

    async def test_an_answer_without_vectors_is_a_failure(self, endpoint, stub) -> None:
        """An endpoint that gives no vector has failed, also where nobody said how long vectors are."""
        none = {"object": "list", "model": "toy", "data": [], "usage": {"prompt_tokens": 0, "total_tokens": 0}}
        stub.script = lambda _call, _before: Reply(body=none)
        with pytest.raises(ProcessingFailed, match="no readable answer"):
            await OpenAITextEmbedder(endpoint).embed(["a"])


class TestTranscriber(TranscriberContract):
    """The endpoint's hearing."""

    @pytest.fixture
    def transcriber(self, endpoint):
        return OpenAITranscriber(endpoint)

    @pytest.fixture
    def speech(self, tmp_path):
        return sound(tmp_path / "speech.wav", 12.5)

    @pytest.fixture
    def silence(self, tmp_path):
        return sound(tmp_path / "silence.wav", 4, loud=0)

    async def test_long_sound_goes_in_pieces_cut_at_pauses(self, endpoint, stub, tmp_path) -> None:
        """Each piece ends in the quietest moment near its end, times go on, and silence is not sent."""
        said = await OpenAITranscriber(endpoint, 60).transcribe(sound(tmp_path / "long.wav", 100, quiet_at=50))
        assert stub.counts == {"/audio/transcriptions": 2}
        first = len(stub.calls[0].file) / 2 / RATE
        assert 50 <= first <= 51
        starts = [phrase.start for phrase in said.phrases]
        assert starts == sorted(starts)
        assert said.phrases[-1].end == pytest.approx(100)
        assert any(start == pytest.approx(first, abs=0.01) for start in starts)


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ("English", "en"),
        ("portuguese", "pt"),
        ("haitian creole", "ht"),
        ("javanese", "jv"),
        ("pt", "pt"),
        ("klingon", None),
    ],
)
async def test_languages_become_tags(endpoint, stub, tmp_path, told: str, tag: str | None) -> None:
    """An endpoint says a language by its tag or by its English name; one that nobody knows is none."""
    said = {"task": "transcribe", "language": told, "duration": 1.0, "text": "hello", "segments": [], "words": []}
    stub.script = lambda _call, _before: Reply(body=said)
    assert (await OpenAITranscriber(endpoint).transcribe(sound(tmp_path / "a.wav", 1))).language == tag


def chosen(stub: StubModel, stack: contextlib.AsyncExitStack, **settings):
    given = {"openai_base_url": stub.url, "image_embedding_model": "none", "picture_model": "none", **settings}
    return Chosen(Settings(**given), stack).models()


async def test_settings_choose_the_models(stub: StubModel) -> None:
    """A name of the API leads to its model at its endpoint, in its dialect, on its terms; the rest to the default."""
    table = {
        "gemini-2.5-pro": {
            "model": "openai:big",
            "dialect": "strict",
            "rpm": 60,
            "tpm": 9000,
            "batch": 8,
            "batch_seconds": 6,
            "prices": {"input": 2, "output": 8},
        },
        "elsewhere": {"model": "openai:big", "base_url": "http://127.0.0.1:9/v1", "api_key": "secret"},
        "gemini-2.5-flash": {"model": "local", "batch": 8},
    }
    async with contextlib.AsyncExitStack() as stack:
        models = chosen(
            stub,
            stack,
            models=table,
            extraction_model="openai:small",
            transcription_model="openai:ears",
            text_embedding_model="openai:words",
        )
        names = {name: models.table.resolve(name) for name in (*table, "gemini-3-pro-preview")}
        assert names == {
            "gemini-2.5-pro": "openai:big",
            "elsewhere": "openai:big@127.0.0.1:9",
            "gemini-2.5-flash": "local",
            "gemini-3-pro-preview": "openai:small",
        }
        terms = models.table.terms_of("openai:big")
        assert (terms.rpm, terms.tpm, terms.batch, terms.batch_seconds) == (60, 9000, 8, 6.0)
        assert models.table.terms_of("local").batch == 1
        assert terms.prices is not None
        assert terms.prices.of(Usage(1_000_000, 500_000)) == pytest.approx(6.0)
        assert (models.transcriber.model, models.text.space) == ("openai:ears", "openai:words")
        assert isinstance(models.extractor, ByModel)
        big = models.extractor.served["openai:big"]
        assert isinstance(big, OpenAIDocuments)
        assert big.dialect is Dialect.STRICT
        request = ExtractionRequest("Where is it?", SCHEMA, Evidence(0, 1), "openai:big")
        assert "place" in json.loads((await models.extractor.extract(request)).text)
        assert stub.calls[-1].body["model"] == "big"
        assert models.drafter is not None
        assert models.drafter.model == "openai:small"
        gone = ExtractionRequest("Where is it?", SCHEMA, Evidence(0, 1), "openai:gone")
        with pytest.raises(ProcessingFailed, match="no longer served"):
            await models.extractor.extract(gone)
        assert "secret" not in repr(models)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"extraction_model": "gpt"}, "VIDEOVECTOR_EXTRACTION_MODEL"),
        ({"transcription_model": "openai:"}, "VIDEOVECTOR_TRANSCRIPTION_MODEL"),
        ({"text_embedding_model": "none"}, "VIDEOVECTOR_TEXT_EMBEDDING_MODEL"),
        ({"openai_base_url": None, "chat_model": "openai:x"}, "VIDEOVECTOR_OPENAI_BASE_URL"),
        ({"openai_base_url": None, "models": {"x": {"model": "openai:x"}}}, "VIDEOVECTOR_MODELS"),
    ],
)
async def test_a_wrong_setting_is_named(stub: StubModel, settings, named) -> None:
    """What names no model stops the start with a sentence that says which setting."""
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(WrongSetting, match=named):
            chosen(stub, stack, **settings)


@pytest.mark.parametrize("name", ["image_embedding_model", "picture_model"])
def test_work_that_no_endpoint_does_is_named(name: str) -> None:
    """Pictures are looked at on this machine or not at all."""
    with pytest.raises(WrongSetting, match=f"VIDEOVECTOR_{name.upper()}"):
        Settings.load(**{name: "openai:x"})


@pytest.mark.parametrize("entry", [{"model": "gpt"}, {"model": "local", "rpm": 0}, {"model": "local", "x": 1}, {}])
def test_a_wrong_entry_of_the_table_is_named(entry) -> None:
    """An entry that nobody can use stops the start."""
    with pytest.raises(WrongSetting, match="VIDEOVECTOR_MODELS"):
        Settings.load(models={"x": entry})


def test_two_models_of_one_stored_name_are_refused() -> None:
    """Entries of one model at one host that differ stop the start, naming them and no key; equal ones are taken."""
    first = {"model": "openai:big", "base_url": "http://127.0.0.1:9/a/v1", "api_key": "secret"}
    with pytest.raises(WrongSetting, match=r"VIDEOVECTOR_MODELS is wrong: .*'one' and 'two'") as refused:
        Settings.load(models={"one": first, "two": {**first, "base_url": "http://127.0.0.1:9/b/v1"}})
    assert "secret" not in str(refused.value)
    with pytest.raises(WrongSetting, match="'one' and 'two'"):
        Settings.load(models={"one": first, "two": {**first, "rpm": 5}})
    names = Settings.load(models={"one": first, "two": first, "here": {"model": "openai:big"}}).models
    assert {entry.effective for entry in names.values()} == {"openai:big@127.0.0.1:9", "openai:big"}
