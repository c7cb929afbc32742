"""Hooks of schemathesis: data that a schema cannot make, and refusals that no schema can foretell."""

from __future__ import annotations

from typing import Any, Final

import schemathesis
from hypothesis import strategies as st

from tests.http.world import CLIP

BEYOND: Final = {
    "invalid_cursor": "cursors are signed and belong to one list",
    "validation_control_character": "no text anywhere in a body holds NUL, nor do unknown fields and their names",
    "validation_depth": "unknown fields count too",
    "idempotency_keys_differ": "three ways to send a key must agree",
    "idempotency_key_invalid": "blank keys are none",
    "idempotency_request_mismatch": "what a key was used for is state",
    "validation_path": "what object keys may hold is a rule over categories of characters",
    "validation_field_path": "paths have a grammar",
    "validation_unknown_field_path": "paths name fields of the schema beside them",
    "validation_schema_invalid": "a user's schema must be one that can be kept",
    "validation_last_event_id": "which events there are is state",
    "validation_connector_immutable": "which credentials a connector has depends on its provider",
    "validation_empty_target": "whether there is media is state",
    "validation_prompt_run_ids": "which runs an index has is state",
    "validation_marker_target": "ids of targets are written in as many ways as there are types",
    "validation_run_choice": "two parameters of one query",
    "validation_url_not_allowed": "which addresses may be reached is the operator's to say",
    "validation_video_uri_not_allowed": "which places may be read is the operator's to say",
    "validation_image": "whether a text is a picture",
    "validation_unsupported_media_type": "whether bytes are media",
    "validation_connector_credentials": "whether bytes are the key of a service account",
    "validation_connector_place": "what a bucket may be called is its provider's to say, and which directories are open the operator's",
    "validation_connector_scope": "what a connector is for is state",
    "validation_period": "two parameters of one query",
    "validation_attachment_id": "two fields of one list must differ",
    "sql_invalid": "SQL has a grammar, and which columns there are is state",
    "sql_not_allowed": "what a statement reaches is in its text",
    "sql_resource_limit": "what a statement takes is known when it runs",
    "sql_timeout": "what a statement takes is known when it runs",
    "validation_weights": "a sum of two fields",
    "validation_relevant": "an order of two fields",
    "validation_filter_value": "the type of a field may stand in the schemas of a run",
    "validation_filter_field": "the fields of a run stand in its schema",
    "validation_unknown_model": "which models there are is the operator's to say",
    "validation_no_prices": "which prices there are is the operator's to say",
    "import_retry_unsupported": "what kind of job an id names is state",
    "export_format_unavailable": "what a server can write is the operator's to say",
    "resource_index_prompt_gone": "a route that has gone",
}
"""Codes of refusals that depend on state, or on more than one place of a request; each with its reason."""


def filter_failure(_: Any, failure: Any, __: Any, response: Any) -> bool:
    """Keep a failure, unless good data were refused for a reason that no schema can tell, or a key sent for a token."""
    kind = type(failure).__name__
    if kind == "RejectedPositiveData" and response.status_code in {400, 410, 422}:
        return _code(response) not in BEYOND
    if kind == "MissingHeaderNotRejected" and response.status_code == 403:
        return _code(response) != "authorization_jwt_required"
    return True


def _code(response: Any) -> str | None:
    try:
        return str(response.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return None


schemathesis.hook(filter_failure)
schemathesis.openapi.media_type("video/mp4", st.just(CLIP))
