"""Sentence vectors from all-MiniLM-L6-v2: 384 dimensions, mean pooling, unit length.

The model reads 256 tokens. A longer text is read in windows of that size that overlap by 32 tokens, and its vector is the
mean of theirs weighted by length, so that what is said late in a segment can still be found; after 8 windows (about
1,800 tokens) a text is cut off, which bounds the cost of one text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

Matrix: TypeAlias = NDArray[np.float32]

DIMENSIONS: Final = 384
WINDOW: Final = 254
"""Tokens of text in a window; the model's two marks make it 256."""
OVERLAP: Final = 32
MOST_WINDOWS: Final = 8
MOST_CHARACTERS: Final = 32_768
"""Characters that are looked at: more than 8 windows of ordinary text, and a bound for the tokenizer."""
BATCH_TEXTS: Final = 16
BATCH_TOKENS: Final = 1024
"""Padded tokens in one batch: long texts are faster one by one, short ones twice as fast together."""


class SentenceEncoder:
    """The loaded model. Vectors do not depend on which texts share a batch."""

    def __init__(self, model: bytes, tokenizer: bytes, *, threads: int) -> None:
        self._session = session(model, threads)
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._names = {entry.name for entry in self._session.get_inputs()}
        self._start, self._end = self._marks()

    def embed(self, texts: Sequence[str]) -> Iterator[Matrix]:
        """Yield vectors in groups as they are done, in order; all of them together have one row for each text."""
        for start in range(0, len(texts), BATCH_TEXTS):
            yield self._group(texts[start : start + BATCH_TEXTS])

    def embed_all(self, texts: Sequence[str]) -> Matrix:
        """Return one row for each text."""
        return np.concatenate([np.zeros((0, DIMENSIONS), np.float32), *self.embed(texts)])

    def _group(self, texts: Sequence[str]) -> Matrix:
        owners: list[int] = []
        pieces: list[list[int]] = []
        for owner, encoded in enumerate(self._tokenizer.encode_batch([text[:MOST_CHARACTERS] for text in texts])):
            for piece in windows(encoded.ids[1:-1]):
                owners.append(owner)
                pieces.append([self._start, *piece, self._end])
        sums = np.zeros((len(texts), DIMENSIONS), np.float32)
        for batch in batches([len(piece) for piece in pieces]):
            for row, vector in zip(batch, self._run([pieces[row] for row in batch]), strict=True):
                sums[owners[row]] += vector * len(pieces[row])
        return unit(sums)

    def _run(self, pieces: Sequence[Sequence[int]]) -> Matrix:
        ids = np.zeros((len(pieces), max(map(len, pieces))), np.int64)
        mask = np.zeros_like(ids)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece)] = piece
            mask[row, : len(piece)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {name: feed[name] for name in self._names})[0]
        pooled: Matrix = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return unit(pooled.astype(np.float32))

    def _marks(self) -> tuple[int, int]:
        first, *_, last = self._tokenizer.encode("").ids
        return first, last


def windows(tokens: Sequence[int]) -> list[Sequence[int]]:
    """Cut tokens into at most 8 overlapping windows; a text without tokens has one empty window."""
    step = WINDOW - OVERLAP
    starts = range(0, max(1, len(tokens) - OVERLAP), step)
    return [tokens[start : start + WINDOW] for start in starts[:MOST_WINDOWS]]


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group positions by similar length, so that little is spent on padding."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[position] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def unit(rows: Matrix) -> Matrix:
    """Scale every row to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def session(model: bytes, threads: int) -> Any:
    """Load an ONNX graph from checked bytes. Threads do not spin while they wait: other work needs the cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
