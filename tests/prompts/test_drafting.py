"""Drafts of prompts: whatever the instruction and whatever a model answers, what comes back can be saved as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from tests.http.api import serving
from videovector_adapters.memory.models import Echo, ToyTranscriber, WordHashes
from videovector_core.errors import ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction, Usage
from videovector_core.prompts.drafting import templated
from videovector_core.prompts.schema import check_schema

GOOD: dict[str, Any] = {
    "name": "Speakers",
    "description": "Who speaks about what.",
    "prompt_text": "Extract the speaker and the topic.",
    "json_schema": {"type": "object", "properties": {"speaker": {"type": "string"}}},
    "video_level": {
        "instructions_text": "Sum up.",
        "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}},
        "included_segment_fields": ["speaker"],
    },
}
HARD = "extract list the number of people whether car mood (happy, sad) , and ; . title _id overall transcription - \n e.g."
WORDS = st.sampled_from(
    [*HARD.split(" "), "run_id", "Überblick", "数える", "\x07", "name's", "3", "one-of", "[x]", "a.b"]
)


@define
class Writer:
    """A drafter that answers by script, and keeps what it was asked."""

    answers: list[Any]
    asked: list[Any] = field(factory=list)
    model: str = "openai:writer"

    async def draft(self, request):
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return Extraction(answer if isinstance(answer, str) else json.dumps(answer), self.model, Usage(7, 3))


def drawing(writer: Writer | None) -> Any:
    echo = Echo()
    return serving(models=Models(echo, echo, WordHashes(), transcriber=ToyTranscriber(), drafter=writer))


async def drafted(api: Any, instruction: str = "Extract the speaker.", **more: Any) -> Any:
    answer = await api.client.post("/prompts/generate", json={"instruction": instruction, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def saved(api: Any, draft: dict[str, Any]) -> None:
    kept = await api.client.post("/prompts", json=draft)
    assert kept.status_code == 201, kept.text


async def test_without_a_model_a_template_reads_the_words():
    """Numbers, questions, choices and plurals get their types; the draft is not saved, and can be saved as it is."""
    async with drawing(None) as api:
        draft = await drafted(
            api,
            "List the objects, the number of people and whether there is a car. Mood (happy, sad or neutral)."
            " Zwiebelturm wolkig heiter bis sonnig ohne Regen. Summary of the whole video.",
        )
        fields = draft["json_schema"]["properties"]
        assert {name: schema["type"] for name, schema in fields.items()} == {
            "objects": "array",
            "number_people": "integer",
            "car": "boolean",
            "mood": "string",
        }
        assert fields["mood"]["enum"] == ["happy", "sad", "neutral"]
        assert draft["video_level"]["json_schema"]["properties"]
        assert draft["drafted_by"] == "template"
        assert "Zwiebelturm" in " ".join(draft["notes"])
        assert (await api.client.get("/prompts?include_defaults=false")).json()["total_count"] == 0
        await saved(api, draft)


@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join)).filter(str.strip))
def test_any_instruction_gives_a_schema_that_is_allowed(instruction: str):
    """The template never names a field that a prompt may not have, and always names one."""
    draft = templated(instruction)
    check_schema(draft.json_schema)
    assert draft.json_schema["properties"]
    assert draft == templated(instruction)


async def test_an_existing_draft_is_kept_and_grows():
    """Fields that are there stay as they are; a schema that is not allowed is left out, and that is said."""
    async with drawing(None) as api:
        draft = await drafted(api, "also the topics", existing_draft=GOOD)
        assert list(draft["json_schema"]["properties"]) == ["speaker", "topics"]
        assert draft["name"] == "Speakers"
        bad = {**GOOD, "json_schema": {"type": "object", "properties": {"x": {"$ref": "http://elsewhere/"}}}}
        draft = await drafted(api, "also the topics", existing_draft=bad)
        assert list(draft["json_schema"]["properties"]) == ["topics"]
        assert "reference" in draft["notes"][0]
        await saved(api, draft)


async def test_a_good_draft_of_a_model_comes_back_as_it_is():
    """One call, its tokens counted, every field of the definition."""
    writer = Writer([f"Here you are:\n```json\n{json.dumps(GOOD)}\n```"])
    async with drawing(writer) as api:
        draft = await drafted(api)
        assert {name: draft[name] for name in GOOD} == GOOD
        assert (draft["drafted_by"], draft["notes"], len(writer.asked)) == ("openai:writer", [], 1)
        await saved(api, draft)


@pytest.mark.parametrize(
    "bad",
    [
        "no JSON at all",
        {**GOOD, "json_schema": {"type": "object", "properties": {"run_id": {"type": "string"}}}},
        {**GOOD, "json_schema": [1]},
        {**GOOD, "name": "x"},
        {**GOOD, "prompt_text": 5},
        {**GOOD, "video_level": {"instructions": "?"}},
        {**GOOD, "video_level": {**GOOD["video_level"], "included_segment_fields": ["nothing"]}},
        {"name": "only"},
    ],
    ids=range(8),
)
async def test_a_bad_draft_is_shown_once_and_never_returned(bad):
    """The model sees what was wrong and may mend it; when it does not, the template stands in and says so."""
    writer = Writer([bad, GOOD])
    async with drawing(writer) as api:
        draft = await drafted(api)
        assert draft["drafted_by"] == "openai:writer"
        assert writer.asked[1].rejected[1]
    writer = Writer([bad])
    async with drawing(writer) as api:
        draft = await drafted(api)
        assert (draft["drafted_by"], len(writer.asked)) == ("template", 2)
        assert "did not pass" in draft["notes"][0]
        await saved(api, draft)


async def test_a_model_that_is_away_is_told_so():
    """An outage is 503 with a wait; a refusal for good makes way for the template."""
    busy = ProcessingFailed("asked too often.", code="rate_limited", transient=True, retry_after=7.0)
    async with drawing(Writer([busy])) as api:
        answer = await api.client.post("/prompts/generate", json={"instruction": "Extract x."})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert answer.json()["error"]["code"] == "llm_budget_guard_open"
    async with drawing(Writer([ProcessingFailed("refused.", code="model_error")])) as api:
        assert (await drafted(api))["drafted_by"] == "template"


async def test_a_key_asks_the_model_once():
    """The same key replays the draft and pays for no second one."""
    writer = Writer([GOOD])
    async with drawing(writer) as api:
        headers = {"Idempotency-Key": "k"}
        first, second = [
            await api.client.post("/prompts/generate", json={"instruction": "Extract."}, headers=headers)
            for _ in range(2)
        ]
        assert (first.content, len(writer.asked)) == (second.content, 1)
        assert second.headers["idempotency-replayed"] == "true"


async def test_a_blank_instruction_is_refused():
    """Nothing to draft from is a mistake of the caller."""
    async with drawing(None) as api:
        answer = await api.client.post("/prompts/generate", json={"instruction": "  "})
        assert answer.status_code == 422
