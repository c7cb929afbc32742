"""The demo against a running server, through the published client alone."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from tqdm import tqdm
from videovector import PromptRun, SearchResult, VideoVector, VideoVectorError

from videovector_http.demo.clip import Clip, build_clip
from videovector_http.demo.parts import PartMissing
from videovector_http.demo.story import PROMPT_NAME, PROMPT_SCHEMA, PROMPT_TEXT, Query

POLL_S: Final = 0.5
PATIENCE_S: Final = 300.0
"""How long an upload or a run may show no progress."""
HITS_SHOWN: Final = 3
FINISHED: Final = {"completed", "completed_with_failures", "failed", "cancelled"}


class DemoFailed(Exception):
    """The demo did not show what it has to show; the message is the reason."""


def run(files: Sequence[Path], base_url: str, api_key: str) -> int:
    """Upload, extract and search; return the exit status: 0, or 1 after a line with the reason.

    Args:
        files: media files to use; with none, the built-in clip is made and used.
        base_url: root of the API on a running server, such as `http://127.0.0.1:8000/api/v2`.
        api_key: key with the scopes search, read and write.
    """
    try:
        with tempfile.TemporaryDirectory() as scratch, VideoVector(api_key=api_key, base_url=base_url) as client:
            clips = [Clip(file, file.stem) for file in files] or [build_clip(Path(scratch))]
            say(f"demo: ok: {_demo(client, clips)}")
    except (DemoFailed, PartMissing, VideoVectorError, OSError, ValueError) as reason:  # pydantic's are ValueErrors
        say(f"demo: failed: {reason}")
        return 1
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _demo(client: VideoVector, clips: Sequence[Clip]) -> str:
    began = time.monotonic()
    index_id = client.indexes.create(name=f"Demo {secrets.token_hex(3)}").index_id
    video_ids = [video_id for clip in clips for video_id in _upload(client, clip, index_id)]
    finished = _extract(client, index_id)
    queries = _queries(client, clips, finished.run_id, video_ids)
    for query in queries:
        _search(client, index_id, query)
    took = time.monotonic() - began
    return f"{finished.completed_segments} segments, {len(queries)} queries answered, {took:.1f} s"


def _upload(client: VideoVector, clip: Clip, index_id: str) -> list[str]:
    say(f"uploading {clip.path.name}")
    for part in clip.parts:
        say(f"  with {part}")
    job = client.videos.upload(file=clip.path, title=clip.title, index_id=index_id)
    job = client.import_jobs.wait_for_completion(job.job_id, poll_interval=POLL_S, timeout=PATIENCE_S)
    if not job.video_ids:
        raise DemoFailed(f"{clip.path.name} was not taken in: {job.error_message or job.status}")
    return job.video_ids


def _extract(client: VideoVector, index_id: str) -> PromptRun:
    """Run the prompt over the index, with a progress bar."""
    prompt = client.prompts.create(name=PROMPT_NAME, prompt_text=PROMPT_TEXT, json_schema=PROMPT_SCHEMA)
    begun = client.prompt_runs.execute(prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index_id})
    with tqdm(total=begun.total_segments or None, desc="segments", unit="segment", file=sys.stdout) as bar:
        for state in _states(client, begun.run_id):
            bar.total = state.total_segments or None
            bar.update(state.completed_segments - bar.n)
    if state.status not in {"completed", "completed_with_failures"} or not state.completed_segments:
        raise DemoFailed(f"the run is {state.status}: {state.error_message or 'no segment was completed'}")
    return state


def _states(client: VideoVector, run_id: str) -> Iterator[PromptRun]:
    """Yield the run each time that it has moved, up to its last state."""
    last, moved = None, time.monotonic()
    while True:
        state = client.prompt_runs.retrieve(run_id)
        if state != last:
            last, moved = state, time.monotonic()
            yield state
        elif time.monotonic() - moved > PATIENCE_S:
            raise DemoFailed(f"the run has not moved for {PATIENCE_S:.0f} s: {state.status}")
        if state.status in FINISHED:
            return
        time.sleep(POLL_S)


def _queries(client: VideoVector, clips: Sequence[Clip], run_id: str, video_ids: Sequence[str]) -> Sequence[Query]:
    """Take the queries that come with the clip; for the user's own files, ask for three texts found in them."""
    if known := tuple(chain.from_iterable(clip.queries for clip in clips)):
        return known
    texts = [
        " ".join(text.split()[:8])
        for video_id in video_ids
        for result in client.prompt_runs.list_results(run_id, video_id=video_id).data
        if (text := " ".join(_strings(result.metadata)))
    ]
    if not texts:
        raise DemoFailed("nothing was heard, read or recognised in these files, so there is nothing to search for")
    chosen = texts[:: max(1, len(texts) // HITS_SHOWN)][:HITS_SHOWN]
    return tuple(Query(text) for text in chosen)


def _strings(value: object) -> Iterator[str]:
    """Yield the texts in extracted metadata, in the order of the document."""
    match value:
        case str():
            yield value
        case dict():
            yield from chain.from_iterable(map(_strings, value.values()))
        case list():
            yield from chain.from_iterable(map(_strings, value))


def _search(client: VideoVector, index_id: str, query: Query) -> None:
    """Print the hits of a query; the best one has to lie where the query's answer is."""
    hits = client.search.text(index_id, query=query.text, top_k=HITS_SHOWN)
    say(f'"{query.text}"')
    for hit in hits:
        say(f"  {_line(hit)}")
    if not hits:
        raise DemoFailed(f'nothing was found for "{query.text}"')
    start, end = hits[0].start_time or 0.0, hits[0].end_time or 0.0
    if hits[0].media_type != "image" and not 0 <= start < end:
        raise DemoFailed(f'the best hit for "{query.text}" has no place in time: {start} to {end} s')
    if not (start < query.end and end > query.start):
        raise DemoFailed(f'"{query.text}" was found at {start:.1f} s, not at {query.start:.1f}-{query.end:.1f} s')


def _line(hit: SearchResult) -> str:
    score = hit.similarity_score or 0.0
    text = " ".join((hit.content_preview or hit.text_content).split())
    return f"{hit.video_name}  {hit.start_time or 0:6.2f} - {hit.end_time or 0:6.2f} s  score {score:.3f}  {text[:80]}"
