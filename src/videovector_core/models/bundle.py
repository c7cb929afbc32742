"""The models that one server works with."""

from __future__ import annotations

from attrs import field, frozen

from videovector_core.models.ports import (
    ChatModel,
    Drafter,
    Extractor,
    ImageEmbedder,
    JointEmbedder,
    PictureReader,
    Reranker,
    Synthesizer,
    TextEmbedder,
    Transcriber,
)
from videovector_core.models.table import ModelTable


@frozen
class Models:
    """Each model behind its port; `None` where the operator has none, and then that kind of work is not offered."""

    extractor: Extractor
    synthesizer: Synthesizer
    text: TextEmbedder
    table: ModelTable = field(factory=ModelTable)
    transcriber: Transcriber | None = None
    images: ImageEmbedder | None = None
    joint: JointEmbedder | None = None
    pictures: PictureReader | None = None
    drafter: Drafter | None = None
    chat: ChatModel | None = None
    reranker: Reranker | None = None
    also: tuple[TextEmbedder, ...] = ()
    """Models of texts whose vectors are written beside those of `text` while a server moves from one to another."""

    @property
    def picture_spaces(self) -> frozenset[str]:
        """The spaces that vectors of pictures are in."""
        images = {self.images.space} if self.images is not None else set[str]()
        joint = {self.joint.joint_space} if self.joint is not None else set[str]()
        return frozenset(images | joint)
