"""Binds each adapter to its port where the type checker looks; never imported."""

from __future__ import annotations

from videovector_adapters.local.clients import LocalTextEmbedder, LocalTranscriber
from videovector_adapters.local.sight import LocalImageEmbedder, LocalPictureReader
from videovector_core.models.ports import ImageEmbedder, JointEmbedder, PictureReader, TextEmbedder, Transcriber

text: TextEmbedder = LocalTextEmbedder()
images: ImageEmbedder = LocalImageEmbedder()
joint: JointEmbedder = LocalImageEmbedder()
speech: Transcriber = LocalTranscriber()
reader: PictureReader = LocalPictureReader()
