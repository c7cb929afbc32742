"""What the contract suites of the stores stand in, and the values that they keep.

Inherit the suites of the modules `stores_*` beside this one, and give each a fixture `room`: a `Room` over an empty database.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from videovector_core.access.model import ApiKey, Scope, User
from videovector_core.app import Tx
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus
from videovector_core.indexes.model import Index
from videovector_core.media.model import MediaItem
from videovector_core.ports import Begin
from videovector_core.prompts.model import Prompt, SemanticIndexing, VideoLevel
from videovector_core.runs.model import LlmCall, Retry, Run, RunMedium, SegmentResult, VideoResult
from videovector_core.segments.model import Segment, Segmentation, SegmentSet
from videovector_core.signals import MediaType

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
USER: Final = "user_a"
OTHER: Final = "user_b"


class Room(Protocol):
    """Transactions over a database that is empty at the start of a test, and a clock that can be turned."""

    @property
    def begin(self) -> Begin[Tx]:
        """Start a transaction."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass for the store."""
        ...


def at(seconds: float) -> datetime:
    """Return a moment, counted from the start of the tests' calendar."""
    return START + timedelta(seconds=seconds)


def user(name: str = "anna", /, *, user_id: str = USER, second: float = 0) -> User:
    """Make an account."""
    return User(user_id, name, at(second))


def api_key(name: str = "key_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> ApiKey:
    """Make a key whose digest follows from its id."""
    scopes = more.pop("scopes", (Scope.READ, Scope.SEARCH))
    return ApiKey(name, user_id, "laptop", scopes, "sk_live_12", name.encode(), at(second), **more)


def index(name: str = "idx_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> Index:
    """Make an index."""
    return Index(name, user_id, more.pop("name", "Archive"), at(second), **more)


def medium(name: str = "vid_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> MediaItem:
    """Make a video of 30 seconds that lies in the first index."""
    about: dict[str, Any] = {
        "title": "Clip",
        "media_type": MediaType.VIDEO,
        "sha256": f"sha of {name}",
        "size": 5_000_000_000,
        "file_name": "clip.mp4",
        "mime_type": "video/mp4",
        "duration": 30.0,
        "index_id": "idx_1",
    }
    return MediaItem(video_id=name, user_id=user_id, created_at=at(second), **{**about, **more})


def segment_set(
    name: str = "set_1", /, *, video: str = "vid_1", fingerprint: str = "f", second: float = 0
) -> SegmentSet:
    """Make the head of a set of segments."""
    return SegmentSet(name, USER, video, fingerprint, at(second), 3)


def segments(of: str = "set_1", *, video: str = "vid_1", count: int = 3) -> list[Segment]:
    """Make the segments of a set, ten seconds each."""
    return [Segment(f"seg_{of}_{n}", of, USER, video, n, n * 10.0, n * 10.0 + 10) for n in range(count)]


SCHEMA: Final = {
    "type": "object",
    "properties": {"zebra": {"type": "string"}, "apple": {"type": "object", "properties": {"b": {}, "a": {}}}},
    "required": ["zebra"],
}
"""A schema whose properties are in an order that only they have."""


def prompt(name: str = "prompt_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> Prompt:
    """Make a prompt with everything on it."""
    about: dict[str, Any] = {
        "name": "Scenes",
        "prompt_text": "Describe the scene.",
        "json_schema": SCHEMA,
        "description": "what is to be seen",
        "video_level": VideoLevel("Sum up.", SCHEMA, ["zebra"]),
        "semantic_indexing": SemanticIndexing(["apple.b"]),
        "execution_config": {"temperature": 0.5},
        "updated_at": at(second + 1),
    }
    return Prompt(prompt_id=name, user_id=user_id, created_at=at(second), **{**about, **more})


def job(name: str = "job_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> ImportJob:
    """Make an import job."""
    status = more.pop("status", JobStatus.PENDING)
    return ImportJob(name, user_id, status, "connector", at(second), options={"b": 1, "a": [2]}, **more)


def files(of: str = "job_1", *, count: int = 3, **more: Any) -> list[ImportFile]:
    """Make the files of an import job."""
    return [ImportFile(f"file_{of}_{n}", of, USER, n, f"{n}.mp4", size=n, **more) for n in range(count)]


def run(name: str = "run_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> Run:
    """Make a run of the first prompt on the first index."""
    about: dict[str, Any] = {
        "prompt_id": "prompt_1",
        "prompt": prompt(),
        "target": {"type": "index", "index_id": "idx_1"},
        "segmentation": Segmentation(),
        "executed_by": user_id,
    }
    return Run(run_id=name, user_id=user_id, executed_at=at(second), **{**about, **more})


def run_medium(of: str = "run_1", video: str = "vid_1", *, ordinal: int = 0, **more: Any) -> RunMedium:
    """Make the row of a media item of a run."""
    user_id = more.pop("user_id", USER)
    return RunMedium(of, video, user_id, more.pop("media_type", MediaType.VIDEO), ordinal, **more)


def result(of: str = "run_1", ordinal: int = 0, *, video: str = "vid_1", **more: Any) -> SegmentResult:
    """Make the row of a segment of a run."""
    user_id = more.pop("user_id", USER)
    start = float(ordinal)
    return SegmentResult(of, f"seg_{video}_{ordinal}", video, user_id, ordinal, start, start + 1, **more)


def video_result(of: str = "run_1", video: str = "vid_1", **more: Any) -> VideoResult:
    """Make the media-level result of a run."""
    user_id = more.pop("user_id", USER)
    return VideoResult(of, video, user_id, **more)


def call(name: str = "llm_1", /, *, of: str = "run_1", second: float = 0, **more: Any) -> LlmCall:
    """Make a call of a model that is about to be made."""
    about = {"prompt_id": "prompt_1", "video_id": "vid_1", "segment_id": "seg_1", "model": "m", "purpose": "extract"}
    return LlmCall(llm_call_id=name, user_id=USER, run_id=of, invoked_at=at(second), **{**about, **more})


def retry(name: str = "retry_1", /, *, of: str = "run_1", segment: str = "seg_1", **more: Any) -> Retry:
    """Make a repair of a segment."""
    return Retry(name, of, "vid_1", segment, USER, at(0), **more)
