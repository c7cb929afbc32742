"""Sentence vectors of the model on this machine."""

from __future__ import annotations

import itertools

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from videovector_adapters.local.catalog import MINILM, MINILM_TOKENIZER
from videovector_adapters.local.clients import LocalTextEmbedder
from videovector_adapters.local.text import BATCH_TOKENS, MOST_WINDOWS, OVERLAP, WINDOW, batches, windows
from videovector_core.testing.models import TextEmbedderContract, nearest

PAIRS = [
    ("How do I reset my password?", "Steps to recover a forgotten login"),
    ("A man is riding a motorcycle on a mountain road", "Someone drives a motorbike through the hills"),
    ("The central bank raised interest rates", "Borrowing became more expensive after the policy decision"),
    ("Chop the onions and fry them in butter", "Cooking instructions: saute diced onion"),
    ("The striker scored in the last minute", "A late goal decided the football match"),
    ("Heavy rain is expected tomorrow", "The weather forecast predicts a storm"),
    ("The surgeon explained the operation", "A doctor described the medical procedure"),
    ("The rocket lifted off from the launch pad", "A spacecraft was sent into orbit"),
    ("The cat is sleeping on the sofa", "A feline naps on the couch"),
    ("She plays the violin in an orchestra", "A musician performs classical music"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedder(weights_for):
    embedder = LocalTextEmbedder(weights_for(MINILM, MINILM_TOKENIZER))
    yield embedder
    await embedder.close()


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
class TestLocalTextEmbedder(TextEmbedderContract):
    """The real model, in its child."""

    async def test_a_paraphrase_is_nearer_than_other_sentences(self, embedder):
        """At least nine of ten sentences find their paraphrase first."""
        queries = await embedder.embed([one for one, _ in PAIRS])
        stored = await embedder.embed([other for _, other in PAIRS])
        found = [nearest(query, stored)[0] for query in queries]
        assert sum(place == position for position, place in enumerate(found)) >= 9

    async def test_what_is_said_late_in_a_long_text_is_found(self, embedder):
        """A long text is found by a sentence beyond the model's 256 tokens."""
        filler = "The committee discussed the minutes of the previous meeting and agreed on them. " * 25
        stored = await embedder.embed([filler, filler + "Then a volcano erupted and covered the island with ash. " * 4])
        (query,) = await embedder.embed(["volcanic eruption"])
        assert nearest(query, stored)[0] == 1

    async def test_a_query_has_a_process_of_its_own(self, embedder):
        """Many texts and a query are answered by two processes, so that none waits for the other."""
        await embedder.embed(["one query"])
        await embedder.embed(["many"] * 20)
        assert len({None, embedder._quick.pid, embedder._bulk.pid}) == 3


@given(st.integers(0, 5000))
def test_windows_cover_a_text_up_to_their_number(count):
    """Windows are of the model's size, overlap, and leave no token out before the last one."""
    cut = windows(range(count))
    assert 1 <= len(cut) <= MOST_WINDOWS
    assert all(len(window) <= WINDOW for window in cut)
    assert all(one[-OVERLAP:] == other[:OVERLAP] for one, other in itertools.pairwise(cut))
    assert set().union(*cut) == set(range(min(count, WINDOW + (MOST_WINDOWS - 1) * (WINDOW - OVERLAP))))


@given(st.lists(st.integers(1, 256)))
def test_batches_take_every_text_once(lengths):
    """Every position is in one batch, and no batch is larger than it may be, unless one text alone is."""
    found = list(batches(lengths))
    assert sorted(position for batch in found for position in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[at] for at in batch) <= BATCH_TOKENS for batch in found)
