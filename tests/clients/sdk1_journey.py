"""What the published client 1.1.0 does from an index to a hit; run by its own interpreter against a real server."""

from __future__ import annotations

import sys
import time
from typing import Any

from videovector import VideoVector

SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}}


def main(base_url: str, key: str, file: str) -> None:
    client = VideoVector(api_key=key, base_url=base_url)
    index = client.indexes.create(name="Older client")
    upload: Any = client.videos.upload(file=file, title="JFK", index_id=index.index_id)
    prompt = client.prompts.create(
        name="Speech", description="What is said.", prompt_text="Extract the requested fields.", json_schema=SCHEMA
    )
    run = client.prompt_runs.execute(prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index.index_id})
    deadline = time.monotonic() + 200
    while (run := client.prompt_runs.retrieve(run.run_id)).status in {"pending", "processing"}:
        assert time.monotonic() < deadline, run
        time.sleep(0.3)
    assert run.status == "completed", run
    results = client.prompt_runs.list_results(run.run_id, video_id=upload.video_id)
    assert "country" in str(results.data[0].metadata), results
    hits = client.search.text(index.index_id, query="what can you do for your nation", top_k=5)
    assert hits[0].video_id == upload.video_id, hits
    sys.stdout.write(f"found {hits[0].segment_id}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
