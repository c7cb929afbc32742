"""From settings to the models that a server works with: which name of the API is which model, where, and on what terms."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from attrs import define, field

from videovector_adapters.local.clients import LocalTextEmbedder, LocalTranscriber
from videovector_adapters.local.extractive import ExtractiveExtractor
from videovector_adapters.local.sight import LocalImageEmbedder, LocalPictureReader
from videovector_adapters.local.weights import Weights
from videovector_adapters.openai import (
    Dialect,
    Endpoint,
    OpenAIChat,
    OpenAIDocuments,
    OpenAIReranker,
    OpenAITextEmbedder,
    OpenAITranscriber,
)
from videovector_adapters.settings import ModelEntry, Settings, WrongSetting
from videovector_core.models.bundle import Models
from videovector_core.models.ports import TextEmbedder
from videovector_core.models.routing import ByModel, Documents
from videovector_core.models.table import ModelTable, Prices, Terms

LOCAL: Final = "local"


class Closing(Protocol):
    """Something that holds processes or connections."""

    async def close(self) -> None:
        """Let go of them."""
        ...


P = TypeVar("P", bound=Closing)


@define
class Chosen:
    """Makes models as the settings say, each endpoint once; `stack` closes them."""

    settings: Settings
    stack: contextlib.AsyncExitStack
    _endpoints: dict[tuple[str, str], Endpoint] = field(factory=dict, init=False)

    def models(self) -> Models:
        """Make all models.

        Raises:
            WrongSetting: a setting names no model, or an endpoint is missing.
        """
        settings, weights = self.settings, Weights(self.settings.model_dir)
        words = self._closed(LocalTextEmbedder(weights))
        images = None if settings.image_embedding_model == "none" else self._closed(LocalImageEmbedder(weights, words))
        vision = images.vision if images is not None else None
        pictures = None if settings.picture_model == "none" else self._closed(LocalPictureReader(weights, vision))
        table, served = self._documents(ExtractiveExtractor(words))
        documents = ByModel(served, table.default)
        return Models(
            extractor=documents,
            synthesizer=documents,
            text=self._text() or words,
            table=table,
            transcriber=self._transcriber(weights),
            images=images,
            joint=images,
            pictures=pictures,
            drafter=self._drafter(served, table.default),
            chat=self._chat(),
            reranker=self._reranker(),
        )

    def text_embedder(self) -> TextEmbedder:
        """Make the model of texts alone.

        Raises:
            WrongSetting: as `models`.
        """
        return self._text() or self._closed(LocalTextEmbedder(Weights(self.settings.model_dir)))

    def _documents(self, own: ExtractiveExtractor) -> tuple[ModelTable, dict[str, Documents]]:
        """Return the table of names, and what fills schemas by the name of the model that is really used."""
        default = self._named("extraction_model", (LOCAL,))
        names, terms, served = dict[str, str](), dict[str, Terms](), dict[str, Documents]()
        for name, entry in self.settings.models.items():
            effective = entry.effective
            names[name], terms[effective] = effective, _terms(entry)
            served[effective] = own if entry.model == LOCAL else self._filler(entry)
        if default not in served:
            served[default] = own if default == LOCAL else OpenAIDocuments(self._endpoint("extraction_model", default))
        return ModelTable(default, names, terms), served

    def _filler(self, entry: ModelEntry) -> OpenAIDocuments:
        if entry.base_url is None and self.settings.openai_base_url is None:
            raise WrongSetting(
                f"VIDEOVECTOR_MODELS is wrong: {entry.model} has no base_url, and there is no default one."
            )
        base_url = entry.base_url or self.settings.openai_base_url or ""
        key = entry.api_key or (None if entry.base_url else self.settings.openai_api_key)
        name = entry.effective.removeprefix("openai:")
        endpoint = Endpoint(
            base_url,
            key.get_secret_value() if key else "",
            entry.model.removeprefix("openai:"),
            entry.timeout,
            called=f"openai:{name}",
        )
        self.stack.push_async_callback(endpoint.close)
        return OpenAIDocuments(endpoint, Dialect(entry.dialect) if entry.dialect else None, entry.context)

    def _drafter(self, served: Mapping[str, Documents], default: str) -> OpenAIDocuments | None:
        wanted = self._named("drafting_model", (LOCAL, "extraction"))
        if wanted == "extraction":
            known = served[default]
            return known if isinstance(known, OpenAIDocuments) else None
        return None if wanted == LOCAL else OpenAIDocuments(self._endpoint("drafting_model", wanted))

    def _text(self) -> OpenAITextEmbedder | None:
        wanted = self._named("text_embedding_model", (LOCAL,))
        if wanted == LOCAL:
            return None
        return OpenAITextEmbedder(
            self._endpoint("text_embedding_model", wanted), self.settings.text_embedding_dimensions
        )

    def _transcriber(self, weights: Weights) -> LocalTranscriber | OpenAITranscriber | None:
        wanted = self._named("transcription_model", (LOCAL, "none"))
        if wanted == "none":
            return None
        if wanted == LOCAL:
            return self._closed(LocalTranscriber(weights))
        return OpenAITranscriber(self._endpoint("transcription_model", wanted))

    def _chat(self) -> OpenAIChat | None:
        wanted = self._named("chat_model", (LOCAL,))
        return None if wanted == LOCAL else OpenAIChat(self._endpoint("chat_model", wanted))

    def _reranker(self) -> OpenAIReranker | None:
        wanted = self._named("reranking_model", ("none",))
        return None if wanted == "none" else OpenAIReranker(self._endpoint("reranking_model", wanted))

    def _named(self, setting: str, plain: tuple[str, ...]) -> str:
        """Return what a setting says: one of the plain words, or `openai:NAME`."""
        value: str = getattr(self.settings, setting)
        kind, _, name = value.partition(":")
        if value not in plain and not (kind == "openai" and name):
            raise WrongSetting(f"VIDEOVECTOR_{setting.upper()} is wrong: say {' or '.join((*plain, 'openai:NAME'))}.")
        return value

    def _endpoint(self, setting: str, model: str) -> Endpoint:
        """Return the operator's endpoint for a model of it."""
        if self.settings.openai_base_url is None:
            raise WrongSetting(
                f"VIDEOVECTOR_OPENAI_BASE_URL is missing: VIDEOVECTOR_{setting.upper()} names a model there."
            )
        key = self.settings.openai_api_key.get_secret_value() if self.settings.openai_api_key else ""
        known = (self.settings.openai_base_url, model)
        if known not in self._endpoints:
            self._endpoints[known] = Endpoint(known[0], key, model.removeprefix("openai:"))
            self.stack.push_async_callback(self._endpoints[known].close)
        return self._endpoints[known]

    def _closed(self, part: P) -> P:
        self.stack.push_async_callback(part.close)
        return part


def _terms(entry: ModelEntry) -> Terms:
    prices = Prices(entry.prices.input, entry.prices.output) if entry.prices else None
    # the extractor of this machine quotes from one segment at a time
    batch = 1 if entry.model == LOCAL else entry.batch
    return Terms(entry.concurrency, entry.rpm, entry.tpm, entry.context, prices, batch, entry.batch_seconds)
