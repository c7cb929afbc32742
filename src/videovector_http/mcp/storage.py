"""Tools for connectors, imports and exports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from videovector_http.mcp import words
from videovector_http.mcp.api import Api
from videovector_http.mcp.tool import READ, REPLACE, WRITE, Arguments, Shaper, Tool
from videovector_http.wire.exports import ExportDownloadUrlResult
from videovector_http.wire.tools import gives, rows, takes

CONNECTORS: Final = "Cloud connectors"
JOBS: Final = "Import jobs"
EXPORTS: Final = "Exports"


async def _create_gcs(api: Api, given: Arguments) -> Any:
    """Send the credentials as a file, as the route takes them."""
    form = {name: value for name, value in given.items() if name not in {"credentials_json", "idempotency_key"}}
    file = ("credentials.json", json.dumps(given["credentials_json"]).encode(), "application/json")
    key = given["idempotency_key"]
    return await api.call("POST", "/connectors/gcs", form=form, files={"credentials_file": file}, key=key)


def _connector_made(kind: str) -> Callable[[Any, Arguments], Mapping[str, Any]]:
    def shape(answer: Any, _: Arguments) -> dict[str, Any]:
        tip = f'Try it with test_connector and connector_id="{answer["connector_id"]}".'
        return {"message": f"The {kind} connector was created.", "connector": words.connector(answer), "tip": tip}

    return shape


def _connectors(answer: Sequence[Any], _: Arguments) -> dict[str, Any]:
    tip = (
        "Look behind one with browse_connector_files." if answer else "Make one with create_s3_connector, for example."
    )
    return {
        "total_connectors": len(answer),
        "by_provider": {"gcs": 0, "s3": 0, "azure": 0, **words.tally(answer, "provider")},
        "connectors": [words.connector(one) for one in answer],
        "tip": tip,
    }


def _tried(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    tip = "See what is there with browse_connector_files." if answer["success"] else "Look at credentials and rights."
    return {**answer, "connector_id": given["connector_id"], "tip": tip}


def _files(answer: Sequence[Any], given: Arguments) -> dict[str, Any]:
    tip = "Bring them in with create_import_job." if answer else "Nothing matches; try another prefix or pattern."
    kinds = [{"extension": one["extension"].lower() or "no extension"} for one in answer]
    return {
        "connector_id": given["connector_id"],
        "filter": given,
        "total_files": len(answer),
        "total_size": words.size(sum(one["size_bytes"] for one in answer)),
        "by_extension": words.tally(kinds, "extension"),
        "files": [{**one, "size_human": words.size(one["size_bytes"])} for one in answer],
        "tip": tip,
    }


def _job_made(answer: Any, _: Arguments) -> dict[str, Any]:
    tip = f'Follow it with get_import_job and job_id="{answer["job_id"]}".'
    return {"message": "The import was started.", "job": words.job(answer), "tip": tip}


def _job_stopped(answer: Any, _: Arguments) -> dict[str, Any]:
    note = "What was imported already stays."
    return {"message": "The import was asked to stop.", "job": words.job(answer), "note": note}


def _jobs(answer: Sequence[Any], given: Arguments) -> dict[str, Any]:
    return {
        "total_jobs": len(answer),
        "filter": given.get("status", "all"),
        "by_status": words.tally(answer, "status"),
        "jobs": [words.job(one) for one in answer],
        "tip": "get_import_job tells which files failed." if answer else "Start one with create_import_job.",
    }


def _job(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.job(answer)


def _export_made(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    every = {"prompt_run_ids": "all"} if "index_id" in given else {}
    tip = f'Follow it with get_export_status and export_id="{answer["export_id"]}".'
    return {**every, **given, **answer, "message": "The export was started.", "tip": tip}


def _export(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.export(answer)


def _new(name: str, kind: str, says: str, arguments: Any, ask: Any = None) -> Tool:
    shape: Shaper = _connector_made(kind)
    operation = f"POST /connectors/{name.split('_')[1]}"
    return Tool(name, CONNECTORS, WRITE, operation, says, arguments, gives.ConnectorMade, shape, ask)


TOOLS: Final = (
    _new(
        "create_gcs_connector",
        "GCS",
        "Make a connector to a bucket of Google Cloud Storage with the key of a service account that may read it, or "
        "write it for exports.",
        takes.CreateGcsConnector,
        _create_gcs,
    ),
    _new(
        "create_s3_connector",
        "S3",
        "Make a connector to an S3 bucket with credentials that may list and read it, or write it for exports.",
        takes.CreateS3Connector,
    ),
    _new(
        "create_azure_connector",
        "Azure",
        "Make a connector to a container of Azure Blob Storage with a service principal that may read it, or write it "
        "for exports.",
        takes.CreateAzureConnector,
    ),
    Tool(
        "list_connectors",
        CONNECTORS,
        READ,
        "GET /connectors",
        "List the connectors to storage, without their secrets.",
        takes.Nothing,
        gives.Connectors,
        _connectors,
    ),
    Tool(
        "test_connector",
        CONNECTORS,
        WRITE,
        "POST /connectors/{connector_id}/test",
        "Try whether a connector reaches its storage.",
        takes.OneConnector,
        gives.ConnectorTried,
        _tried,
    ),
    Tool(
        "browse_connector_files",
        CONNECTORS,
        READ,
        "POST /connectors/{connector_id}/browse",
        "List files behind a connector by prefix and glob pattern, such as *.{mp4,mov}.",
        takes.BrowseFiles,
        gives.Files,
        _files,
    ),
    Tool(
        "create_import_job",
        JOBS,
        WRITE,
        "POST /import-jobs",
        "Bring files from a connector into an index, in the background. It answers at once with a job_id.",
        takes.CreateImportJob,
        gives.JobMade,
        _job_made,
    ),
    Tool(
        "list_import_jobs",
        JOBS,
        READ,
        "GET /import-jobs",
        "List imports, newest first, or those of one status.",
        takes.ListJobs,
        gives.Jobs,
        _jobs,
    ),
    Tool(
        "get_import_job",
        JOBS,
        READ,
        "GET /import-jobs/{job_id}",
        "Return how far an import has come, the media that it made, and the files that failed or were left out.",
        takes.OneJob,
        rows.JobRow,
        _job,
    ),
    Tool(
        "cancel_import_job",
        JOBS,
        REPLACE,
        "POST /import-jobs/{job_id}/cancel",
        "Stop an import that runs. Media that are in already stay.",
        takes.CancelJob,
        gives.JobMade,
        _job_stopped,
    ),
    Tool(
        "export_index_metadata",
        EXPORTS,
        WRITE,
        "POST /exports/index/{index_id}",
        "Write what was extracted from an index, by all runs or by some, into one JSON file in the background: to "
        "download, or to a connector.",
        takes.ExportIndex,
        gives.ExportMade,
        _export_made,
    ),
    Tool(
        "export_prompt_run",
        EXPORTS,
        WRITE,
        "POST /exports/prompt-run/{run_id}",
        "Write what one run extracted into one JSON file in the background: to download, or to a connector.",
        takes.ExportRun,
        gives.ExportMade,
        _export_made,
    ),
    Tool(
        "get_export_status",
        EXPORTS,
        READ,
        "GET /exports/{export_id}",
        "Return how far an export has come and where its file lies. No link that works without a credential is made.",
        takes.OneExport,
        rows.ExportRow,
        _export,
    ),
    Tool(
        "get_export_download_url",
        EXPORTS,
        WRITE,
        "POST /exports/{export_id}/download-url",
        "Make a link to a finished export that works without a credential for a short time, or null where there is "
        "none. Whoever has the link can read the file: do not log or pass it on.",
        takes.OneExport,
        ExportDownloadUrlResult,
    ),
)
