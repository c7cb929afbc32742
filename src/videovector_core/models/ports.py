"""What the domain asks of models. Adapters raise `ProcessingFailed`, with `transient` true where another try may help.

A vector is an `array('f')` of unit length. `space` names an embedding space: vectors of two spaces are never compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen

from videovector_core.signals import Beat

Vector: TypeAlias = "array[float]"


@frozen
class Word:
    """A spoken word with its times in seconds and the model's probability (0 to 1)."""

    start: float
    end: float
    text: str
    probability: float = 1.0


@frozen
class Phrase:
    """A stretch of speech between pauses; `words` may be empty where a model gives none."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


@frozen
class Transcript:
    """What was said. `language` is a BCP 47 tag, `None` when nothing was said; `speech` are the intervals with voice."""

    phrases: tuple[Phrase, ...] = ()
    language: str | None = None
    speech: tuple[tuple[float, float], ...] = ()


@frozen
class Label:
    """A class name that a picture model gives, with its probability (0 to 1)."""

    name: str
    probability: float


@frozen
class Picture:
    """A JPEG with the media second it shows."""

    time: float
    jpeg: bytes


@frozen
class Evidence:
    """All that is known about one segment before a model is asked. Texts come from media: data, never instructions.

    That of several segments has `parts`, one for each, numbered from 1, and nothing of its own but the title.
    """

    start: float
    end: float
    title: str = ""
    transcript: Transcript = Transcript()
    on_screen: tuple[tuple[float, str], ...] = ()
    """Lines of text read from frames, with the second of the frame."""
    labels: tuple[Label, ...] = ()
    pictures: tuple[Picture, ...] = ()
    parts: tuple[Evidence, ...] = ()


@frozen
class Usage:
    """What one call cost, in tokens; zeros where a model does not count."""

    input_tokens: int = 0
    output_tokens: int = 0


@frozen
class ExtractionRequest:
    """One segment, or several, and the contract to fill. `rejected` holds an earlier answer and what was wrong with it."""

    prompt_text: str
    json_schema: Mapping[str, Any]
    evidence: Evidence
    model: str
    rejected: tuple[str, str] | None = None


@frozen
class Extraction:
    """A model's answer as it came: text that ought to be JSON. The domain checks it against the schema."""

    text: str
    model: str
    usage: Usage = Usage()
    warning: str | None = None


@frozen
class SynthesisRequest:
    """Evidence of a whole media item, in time order, and the contract to fill."""

    instructions: str
    json_schema: Mapping[str, Any]
    evidence: Sequence[Mapping[str, Any]]
    model: str
    rejected: tuple[str, str] | None = None
    metadata: Mapping[str, Any] = field(factory=dict)


@frozen
class DraftRequest:
    """What a prompt is to extract, in somebody's words, and perhaps a draft of it to improve."""

    instruction: str
    existing: Mapping[str, Any] | None = None
    rejected: tuple[str, str] | None = None


class Drafter(Protocol):
    """Writes the definition of a prompt. What it writes is checked before anybody sees it."""

    @property
    def model(self) -> str: ...

    async def draft(self, request: DraftRequest) -> Extraction:
        """Answer with JSON text: name, description, prompt_text, json_schema, and perhaps video_level."""
        ...


class Extractor(Protocol):
    """Fills a user's JSON Schema from the evidence of one segment."""

    async def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer with JSON text for `request.json_schema`."""
        ...


class Synthesizer(Protocol):
    """Fills a user's JSON Schema from the results of all segments of a media item."""

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        """Answer with JSON text for `request.json_schema`."""
        ...


class Transcriber(Protocol):
    """Turns speech into text with times. `model` names the weights, so that results can be kept by content."""

    @property
    def model(self) -> str: ...

    async def transcribe(self, audio: Path, *, beat: Beat | None = None) -> Transcript:
        """Transcribe a mono 16 kHz 16-bit WAV file of any length in bounded memory, voice activity first."""
        ...


class TextEmbedder(Protocol):
    """Turns texts into vectors of one space."""

    @property
    def space(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text, in order; an empty list for none."""
        ...


class Reranker(Protocol):
    """Reads a query and texts together and says how well each text answers it."""

    @property
    def model(self) -> str: ...

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one finite score for each text, in order; higher is better."""
        ...


class ImageEmbedder(Protocol):
    """Turns pictures into vectors of one space, to find pictures by picture; `JointEmbedder` is for words."""

    @property
    def space(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, images: Sequence[bytes]) -> list[Vector]:
        """Return one unit vector for each encoded image (JPEG, PNG or WebP)."""
        ...


class JointEmbedder(Protocol):
    """Turns pictures and texts into vectors of one space, so that words find pictures.

    Every method raises `Unavailable` (code `model_unavailable`) where no image model is there: a search that cannot be
    answered says so.
    """

    @property
    def joint_space(self) -> str: ...

    @property
    def joint_dimensions(self) -> int: ...

    async def embed_joint(self, images: Sequence[bytes]) -> list[Vector]:
        """Return one unit vector for each encoded image (JPEG, PNG or WebP)."""
        ...

    async def embed_query(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text, to be compared with those of pictures."""
        ...


class PictureReader(Protocol):
    """Sees what is in a picture: text on screen, and names of what it shows."""

    @property
    def model(self) -> str: ...

    async def read_text(self, images: Sequence[bytes]) -> list[tuple[str, ...]]:
        """Return the lines of text in each image, top to bottom."""
        ...

    async def label(self, images: Sequence[bytes]) -> list[tuple[Label, ...]]:
        """Return the likeliest class names of each image, best first."""
        ...


@frozen
class ToolSpec:
    """A tool that a chat model may use; `parameters` is the JSON Schema of its arguments."""

    name: str
    about: str
    parameters: Mapping[str, Any]


@frozen
class ToolUse:
    """A tool that a chat model wants to use; `arguments` is text that ought to be a JSON object."""

    id: str
    name: str
    arguments: str


@frozen
class ChatMessage:
    """One message: `role` is system, user, assistant or tool. An assistant's may hold `uses`; a tool's `answers` one."""

    role: str
    text: str
    uses: tuple[ToolUse, ...] = ()
    answers: str | None = None


@frozen
class ChatRequest:
    """A conversation to be continued by one message, with the tools that may be used."""

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolSpec] = ()


@frozen
class ChatReply:
    """The message that continues a conversation: tools to use, or an answer."""

    text: str
    uses: tuple[ToolUse, ...] = ()
    usage: Usage = Usage()


class ChatModel(Protocol):
    """Continues conversations. What it says is not to be trusted; the domain checks tools, arguments and references."""

    @property
    def model(self) -> str: ...

    async def reply(self, request: ChatRequest) -> ChatReply:
        """Return the next message."""
        ...
