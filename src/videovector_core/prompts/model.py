"""A prompt: the contract of an extraction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from attrs import field, frozen

from videovector_core.errors import Invalid

SYSTEM_USER: Final = "system"


@frozen
class VideoLevel:
    """The contract of the media-level result, made from the segments' results."""

    instructions_text: str
    json_schema: dict[str, Any]
    included_segment_fields: list[str] = field(factory=list)


@frozen
class SemanticIndexing:
    """The fields that are kept out of vectors and metadata text; everything else goes in."""

    disabled_segment_fields: list[str] = field(factory=list)
    disabled_video_level_fields: list[str] = field(factory=list)


def _video_level(value: VideoLevel | dict[str, Any] | None) -> VideoLevel | None:
    return VideoLevel(**value) if isinstance(value, dict) else value


def _semantic_indexing(value: SemanticIndexing | dict[str, Any] | None) -> SemanticIndexing:
    return SemanticIndexing(**value) if isinstance(value, dict) else value or SemanticIndexing()


@frozen
class Prompt:
    """What to extract from each segment, and optionally from each whole media item."""

    prompt_id: str
    user_id: str
    name: str
    prompt_text: str
    json_schema: dict[str, Any]
    created_at: datetime
    description: str = ""
    video_level: VideoLevel | None = field(default=None, converter=_video_level)
    semantic_indexing: SemanticIndexing = field(factory=SemanticIndexing, converter=_semantic_indexing)
    execution_config: dict[str, Any] | None = None
    selection_filter: Any = None
    is_active: bool = True
    updated_at: datetime | None = None

    @property
    def is_system(self) -> bool:
        """Whether the server ships it: everybody may run it, nobody may change it."""
        return self.user_id == SYSTEM_USER


def check_texts(name: str, description: str, prompt_text: str) -> None:
    """Check the bounds of a prompt's texts (semantics 3.1), reporting every problem at once."""
    bounds = {"name": (name, 3, 100), "description": (description, 0, 500), "prompt_text": (prompt_text, 10, 5000)}
    wrong = [
        {"loc": key, "message": f"has {len(text)} characters; give {least} to {most}", "type": "length"}
        for key, (text, least, most) in bounds.items()
        if not least <= len(text) <= most
    ]
    if wrong:
        named = "; ".join(f"{problem['loc']} {problem['message']}" for problem in wrong)
        raise Invalid(f"The prompt cannot be kept: {named}.", details={"errors": wrong})
