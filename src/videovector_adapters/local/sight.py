"""Pictures on this machine, the parent's side: vectors, a space shared with text, labels, and text on screen."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

from attrs import define, field

from videovector_adapters.children import Child
from videovector_adapters.local.catalog import CLASS_NAMES, MOBILENET
from videovector_adapters.local.clients import LocalTextEmbedder
from videovector_adapters.local.clip_config import NAME, ClipConfig
from videovector_adapters.local.launch import GIB, child, identity, vectors
from videovector_adapters.local.weights import Weights, missing
from videovector_core.models.ports import Label, Vector

_BATCH: Final = 32
_FEATURES: Final = 1280


def vision_child(weights: Weights, *, threads: int = 2) -> Child:
    """Describe the process that looks at pictures; an embedder and a reader may share it."""
    return child("vision", weights, threads=threads, memory=6 * GIB)


@define
class LocalImageEmbedder:
    """Vectors of pictures: an `ImageEmbedder` and a `JointEmbedder`.

    With a CLIP or SigLIP directory (`local.clip`) both spaces are that model's. Without one, pictures are found by
    picture with MobileNetV2 features (1,280 dimensions) and by words with ConSE (`local.vision`), whose space is that of
    `texts`. `deadline` is in seconds without progress.
    """

    weights: Weights = field(factory=Weights)
    texts: LocalTextEmbedder | None = None
    threads: int = 2
    deadline: float = 120.0
    vision: Child = field(init=False)
    _clip: ClipConfig | None = field(init=False)
    _words: LocalTextEmbedder = field(init=False)
    _clip_words: Child = field(init=False)

    def __attrs_post_init__(self) -> None:
        has_clip = self.weights.directory is not None and self.weights.has_own(NAME)
        self._clip = ClipConfig.read(self.weights.directory / NAME) if has_clip and self.weights.directory else None
        self._words = self.texts or LocalTextEmbedder(self.weights)
        self._clip_words = child("clip_text", self.weights, threads=1, memory=6 * GIB)
        self.vision = vision_child(self.weights, threads=self.threads)

    @property
    def space(self) -> str:
        """The space in which pictures find pictures."""
        if self._clip:
            return f"{NAME}@{self.weights.own_digest(NAME)[:12]}"
        return identity("mobilenet-v2", self.weights, MOBILENET)

    @property
    def dimensions(self) -> int:
        """Of `space`."""
        return self._clip.dimensions if self._clip else _FEATURES

    @property
    def joint_space(self) -> str:
        """The space in which words find pictures."""
        return self.space if self._clip else f"conse:{self.space}:{self._words.space}"

    @property
    def joint_dimensions(self) -> int:
        """Of `joint_space`."""
        return self._clip.dimensions if self._clip else self._words.dimensions

    async def embed(self, images: Sequence[bytes]) -> list[Vector]:
        """Return one unit vector for each encoded image (JPEG, PNG or WebP).

        Raises:
            Unavailable: the weights are not here (code `model_unavailable`) or not to be trusted.
            ProcessingFailed: a picture cannot be read, the model failed, or its process was lost.
        """
        return await self._look("embed", images, self.dimensions)

    async def embed_joint(self, images: Sequence[bytes]) -> list[Vector]:
        """Return one unit vector for each encoded image in the space shared with text; errors as of `embed`."""
        return await self._look("embed_joint", images, self.joint_dimensions)

    async def embed_query(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text in the space shared with pictures; errors as of `embed`."""
        if not self._clip:
            if not self.weights.present(MOBILENET, CLASS_NAMES):
                raise missing(MOBILENET.model)
            return await self._words.embed(texts)
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        data = await self._clip_words.call("embed", deadline=self.deadline, texts=clean)
        return vectors(data, self.joint_dimensions)

    async def close(self) -> None:
        """End the children, and the text embedder if it was not given."""
        await self.vision.close()
        await self._clip_words.close()
        if self.texts is None:
            await self._words.close()

    async def _look(self, method: str, images: Sequence[bytes], dimensions: int) -> list[Vector]:
        found: list[Vector] = []
        for start in range(0, len(images), _BATCH):
            batch = list(images[start : start + _BATCH])
            found += vectors(await self.vision.call(method, deadline=self.deadline, images=batch), dimensions)
        return found


@define
class LocalPictureReader:
    """Text on screen from rapidocr, and class names from MobileNetV2.

    Give it the `vision` of an embedder to load that model once. Frames are read in order, and one that shows the same as
    the one before is not read again: give the frames of a segment in one call, in time order.
    """

    weights: Weights = field(factory=Weights)
    vision: Child | None = None
    threads: int = 2
    deadline: float = 120.0
    _labels: Child = field(init=False)
    _reading: Child = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._labels = self.vision or vision_child(self.weights, threads=self.threads)
        self._reading = child("reading", self.weights, threads=self.threads, memory=6 * GIB)

    @property
    def model(self) -> str:
        """Both models, with the version of one and the digest of the other."""
        try:
            version = metadata.version("rapidocr")
        except metadata.PackageNotFoundError:
            version = "missing"
        return f"rapidocr-{version}+{identity('mobilenet-v2', self.weights, MOBILENET)}"

    async def read_text(self, images: Sequence[bytes]) -> list[tuple[str, ...]]:
        """Return the lines of text in each image, top to bottom; errors as of `label`."""
        found = await self._each(self._reading, "read_text", images)
        return [tuple(lines) for lines in found]

    async def label(self, images: Sequence[bytes]) -> list[tuple[Label, ...]]:
        """Return the ten likeliest class names of each image, best first.

        Raises:
            Unavailable: the weights are not here (code `model_unavailable`) or not to be trusted.
            ProcessingFailed: a picture cannot be read, the model failed, or its process was lost.
        """
        found = await self._each(self._labels, "label", images)
        return [tuple(Label(name, probability) for name, probability in labels) for labels in found]

    async def close(self) -> None:
        """End the children, but not a process that was given."""
        await self._reading.close()
        if self.vision is None:
            await self._labels.close()

    async def _each(self, process: Child, method: str, images: Sequence[bytes]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(images), _BATCH):
            batch = list(images[start : start + _BATCH])
            found += await process.call(method, deadline=self.deadline, images=batch)
        return found
