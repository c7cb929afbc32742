"""Settings: environment variables `VIDEOVECTOR_*`, with defaults that run everything embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from videovector_adapters.egress_addresses import Network
from videovector_core.access.ratelimit import parse
from videovector_core.errors import Invalid


class WrongSetting(Exception):
    """A setting is wrong, and the start stops."""


class ModelPrices(BaseModel):
    """Prices of a million tokens, in any currency."""

    model_config = ConfigDict(extra="forbid")

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0)


class ModelEntry(BaseModel):
    """A model that the API calls by a name: what it really is, how it is spoken to, its limits and its prices."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(pattern=r"^(local|openai:.+)$")
    base_url: str | None = None
    api_key: SecretStr | None = None
    dialect: Literal["strict", "json_schema", "openapi", "json_object", "prompt"] | None = None
    context: int | None = Field(None, ge=1000)
    concurrency: int = Field(32, ge=1, le=1024)
    rpm: int | None = Field(None, ge=1)
    tpm: int | None = Field(None, ge=1)
    timeout: float = Field(240.0, gt=0, le=280)
    batch: int = Field(1, ge=1, le=32)
    batch_seconds: float = Field(10.0, gt=0)
    prices: ModelPrices | None = None

    @property
    def effective(self) -> str:
        """The model's stored name: what it is and, where it is not at the operator's endpoint, the host it is at."""
        if self.model == "local" or self.base_url is None:
            return self.model
        return f"{self.model}@{urlsplit(self.base_url).netloc.rpartition('@')[2]}"


class Settings(BaseSettings):
    """What an operator may decide. Each field is the variable of the same name with `VIDEOVECTOR_` in front."""

    model_config = SettingsConfigDict(env_prefix="VIDEOVECTOR_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(None, description="Origin that is written into links (http://HOST:PORT).")
    data_dir: Path = Field(Path(".videovector"), description="Everything embedded lives below it.")
    database_url: SecretStr | None = Field(None, description="PostgreSQL DSN (embedded server).")
    qdrant_url: str | None = Field(None, description="Qdrant server or cluster (embedded engine).")
    qdrant_api_key: SecretStr | None = Field(None, description="Key of the Qdrant server.")
    broker_url: SecretStr | None = Field(None, description="amqp:// or redis:// (worker child of serve).")
    openai_base_url: str | None = Field(None, description="Any OpenAI-compatible endpoint (none).")
    openai_api_key: SecretStr | None = Field(None, description="Key of that endpoint.")
    extraction_model: str = Field("local", description="`local` or `openai:NAME`.")
    transcription_model: str = Field("local", description="`local`, `openai:NAME`, or `none` to write nothing down.")
    text_embedding_model: str = Field("local", description="`local` or `openai:NAME`.")
    also_text_embedding_model: str | None = Field(
        None, description="Writes vectors of this model too, during a move to or from it (none)."
    )
    reranking_model: str = Field(
        "none", description="`none`, or `openai:NAME`: reads the best hits of a search by words once more."
    )
    image_embedding_model: Literal["local", "none"] = Field(
        "local", description="`local`, or `none` for no search by picture."
    )
    picture_model: Literal["local", "none"] = Field(
        "local", description="What reads text and names things in pictures: `local` or `none`."
    )
    chat_model: str = Field("local", description="`local` (rules, no language model) or `openai:NAME`.")
    model_dir: Path | None = Field(None, description="Directory with weights of your own.")
    models: dict[str, ModelEntry] = Field(
        default_factory=dict, description="API model name to endpoint, model, dialect, limits, prices; see models.md."
    )
    drafting_model: str = Field("extraction", description="`extraction` (the same), `local` or `openai:NAME`.")
    text_embedding_dimensions: int | None = Field(
        None, ge=8, le=8192, description="Length of vectors to ask an endpoint for (as the model makes them)."
    )
    run_max_calls: int | None = Field(None, ge=0, description="Most model calls of any run (no cap).")
    run_max_cost: float | None = Field(None, ge=0, description="Most that any run may cost, by `models` (no cap).")
    secret_key: SecretStr | None = Field(
        None, description="Key for encryption and signing (made in the data directory)."
    )
    oidc_issuer: str | None = Field(None, description="Issuer whose bearer tokens are trusted besides our own (none).")
    oidc_audience: str | None = Field(None, description="Audience that those tokens must name.")
    lease_seconds: float = Field(30.0, ge=1, le=3600, description="Length of a work lease.")
    worker_processes: int = Field(1, ge=1, le=256, description="Processes of `videovector worker` with a broker.")
    segment_concurrency: int = Field(4, ge=1, le=512, description="Segments that one worker has in hand at once.")
    max_media_bytes: int = Field(50 * 1024**3, ge=1, description="Largest media file.")
    max_media_seconds: float = Field(12 * 3600.0, gt=0, description="Longest media file.")
    egress_allow: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Comma list of networks, such as 10.0.0.0/8, that user-given URLs may reach as well (none)."
    )
    local_connector_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Comma list of directories that `local` connectors may use, such as /srv/media (none)."
    )
    s3_endpoint_url: str | None = Field(
        None, description="Endpoint of S3 connectors that name none, for MinIO and friends (AWS)."
    )
    gcs_endpoint_url: str | None = Field(None, description="Server that stands in for Google Cloud Storage (Google).")
    azure_endpoint_url: str | None = Field(
        None, description="Server that stands in for Azure Blob Storage; accounts are paths below it (Azure)."
    )
    azure_authority_url: str | None = Field(None, description="Where service principals of Azure sign in (Azure).")
    event_retention_hours: float = Field(24.0, gt=0, description="How long events can be resumed from.")
    export_retention_hours: float = Field(168.0, gt=0, description="How long the file of an export can be downloaded.")
    receipt_retention_hours: float = Field(24.0, ge=24, description="How long an idempotency key is remembered.")
    rate_limits: str = Field("", description="`off`, or limits such as search=120/min,600/h;read=off (defaults).")
    metrics_token: SecretStr | None = Field(None, description="Bearer that /metrics asks for (an admin credential).")
    mcp_allowed_hosts: str = Field("", description="Comma list of values of Host that /mcp answers to (all).")
    mcp_allowed_origins: str = Field("", description="Comma list of origins of pages that may use /mcp (our own).")
    log_format: Literal["text", "json"] = Field("text", description="One line for people, or one JSON object.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("amqp://", "amqps://", "redis://", "rediss://")
        ):
            raise ValueError("a broker is named by amqp:// or redis://")
        return value

    @field_validator("models")
    @classmethod
    def _told_apart(cls, value: dict[str, ModelEntry]) -> dict[str, ModelEntry]:
        """Refuse entries that differ under one stored name: runs and kept answers could not tell them apart."""
        known = dict[str, str]()
        for name, entry in value.items():
            first = known.setdefault(entry.effective, name)
            if value[first] != entry:
                raise ValueError(
                    f"{first!r} and {name!r} are both {entry.effective} and differ in other keys; give both the same "
                    "keys, or serve one of them under another model name or host"
                )
        return value

    @field_validator("egress_allow", "local_connector_roots", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("local_connector_roots")
    @classmethod
    def _absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        if not all(one.is_absolute() for one in value):
            raise ValueError("write directories from the root, such as /srv/media")
        return value

    @field_validator("s3_endpoint_url", "gcs_endpoint_url", "azure_endpoint_url", "azure_authority_url", "oidc_issuer")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("an endpoint is named by https:// or http://")
        return value

    @field_validator("rate_limits")
    @classmethod
    def _limits(cls, value: str) -> str:
        try:
            parse(value)
        except Invalid as error:
            raise ValueError(error.message) from error
        return value

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment.

        Raises:
            WrongSetting: names the variable and what is wrong with it.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"VIDEOVECTOR_{'_'.join(map(str, first['loc'][:1])).upper()}"
            raise WrongSetting(f"{name} is wrong: {first['msg']}.") from error

    @property
    def origin(self) -> str:
        """The origin that is written into links."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
