"""What `videovector eval FILE` reads and prints: the same shapes as `POST /api/v2/evaluations`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from videovector_core.errors import Invalid
from videovector_http.wire.evaluations import Evaluate, Evaluation, EvaluationMetrics


def read(path: Path) -> Evaluate:
    """Read a file of labelled queries; `Invalid` says what is wrong with it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluate)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", code="validation_file") from error
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} is no evaluation: {error}.", code="validation_file") from error


def bounds(given: Sequence[str]) -> dict[str, float]:
    """Read what a metric must at least be, as in `recall@10=0.9`, `mrr=0.5`, `ndcg=0.6`; `p95_ms=50` is at the most."""
    found = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            bound = float(value)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise Invalid(f"{one!r} is no bound; write it like recall@10=0.9.", code="validation_bound")
        found[name.strip()] = bound
    return found


def table(found: Evaluation) -> str:
    """Write the measures as a table, a row for all queries, each group of them and each run that was asked alone."""
    rows = [("overall", found.overall), *found.groups.items(), *((one.run_id, one.overall) for one in found.runs)]
    names = list(measures(found.overall))
    head = f"| group | queries | {' | '.join(names)} |"
    lines = [head, "|---" * (len(names) + 2) + "|"]
    for group, metrics in rows:
        values = " | ".join(f"{value:.3f}" for value in measures(metrics).values())
        lines.append(f"| {group} | {metrics.queries} | {values} |")
    return "\n".join(lines)


def measures(metrics: EvaluationMetrics) -> dict[str, float]:
    """Name the measures as bounds name them."""
    recall = {f"recall@{cutoff}": value for cutoff, value in metrics.recall.items()}
    times = {"p50_ms": metrics.p50_ms, "p95_ms": metrics.p95_ms}
    return {**recall, "mrr": metrics.mrr, "ndcg": metrics.ndcg, **times}


def missed(found: Evaluation, wanted: Mapping[str, float]) -> list[str]:
    """Return a sentence for each bound that was not kept; a measure that does not exist is not kept either."""
    told = measures(found.overall)
    sentences = []
    for name, bound in wanted.items():
        if name not in told:
            sentences.append(f"{name} is not measured; there are {', '.join(told)}.")
        elif name.endswith("_ms") and told[name] > bound:
            sentences.append(f"{name} is {told[name]:.3f}, over {bound:g}.")
        elif not name.endswith("_ms") and told[name] < bound:
            sentences.append(f"{name} is {told[name]:.3f}, under {bound:g}.")
    return sentences
