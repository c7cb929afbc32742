"""Where weights come from, and what is refused."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from attrs import evolve

from videovector_adapters.local import catalog, serving, weights
from videovector_adapters.local.catalog import CATALOG, MIRRORS, WHISPER, Hub, Weight, Wheel
from videovector_adapters.local.checkpoint import tensors
from videovector_adapters.local.clients import LocalTextEmbedder, LocalTranscriber
from videovector_adapters.local.fetch import fetch
from videovector_adapters.local.sight import LocalImageEmbedder, LocalPictureReader
from videovector_adapters.local.weights import SUMS, Weights
from videovector_core.errors import ProcessingFailed, Unavailable

ROOT = Path(__file__).resolve().parents[2]
GOOD = b"good weights"
DIGEST = hashlib.sha256(GOOD).hexdigest()
WEIGHT = Weight("toy/model.onnx", hub=Hub("someone/toy", "onnx/model.onnx", DIGEST))


def put(path: Path, data: bytes = GOOD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def places(tmp_path):
    """Three empty places."""
    return Weights(tmp_path / "own", tmp_path / "cache", tmp_path / "hub")


@pytest.fixture
def nothing(places, monkeypatch):
    """Places on a machine without mirror wheels."""

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("videovector_adapters.local.weights.metadata.distribution", absent)
    return places


def in_hub(places: Weights, revision: str = "abc") -> Path:
    return places.hub / "models--someone--toy" / "snapshots" / revision / "onnx" / "model.onnx"


def test_the_operators_directory_comes_first(places):
    """The operator's file wins over the hub's, and the hub's over one that was fetched."""
    fetched = put(places.cache / "fetched" / "toy" / "model.onnx")
    assert places.find(WEIGHT).path == fetched
    hub = put(in_hub(places))
    assert places.find(WEIGHT).path == hub
    own = put(places.directory / "toy" / "model.onnx")
    assert places.find(WEIGHT).path == own
    assert places.read(WEIGHT) == GOOD


def test_a_changed_file_is_refused(places):
    """A file with another digest is refused even after a good one was seen under its name, and no other is taken."""
    put(in_hub(places))
    own = put(places.directory / "toy" / "model.onnx")
    assert places.find(WEIGHT).sha256 == DIGEST
    put(own, GOOD.replace(b"good", b"evil"))
    os.utime(own, ns=(1, 1))
    with pytest.raises(Unavailable, match="sha256") as refusal:
        places.find(WEIGHT)
    assert refusal.value.code == "model_untrusted"


def test_an_unchanged_file_is_hashed_once(places, monkeypatch):
    """The digest of a file is remembered while its size and time of change stay."""
    put(in_hub(places))
    places.find(WEIGHT)
    monkeypatch.setattr("videovector_adapters.local.weights.hashlib.file_digest", None)
    assert places.find(WEIGHT).sha256 == DIGEST


def test_what_was_checked_is_what_is_loaded(places, monkeypatch):
    """A file that changes between the check and the reading is refused."""
    path = put(in_hub(places))
    places.find(WEIGHT)
    state = path.stat()
    put(path, b"evil weights")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(Unavailable, match="sha256"):
        places.read(WEIGHT)


def test_the_operator_vouches_for_own_files(places):
    """A file with a digest in SHA256SUMS is taken; the list binds, so that a known digest no longer passes."""
    own = put(places.directory / "toy" / "model.onnx", b"own weights")
    with pytest.raises(Unavailable, match=SUMS):
        places.find(WEIGHT)
    digest = hashlib.sha256(b"own weights").hexdigest()
    put(places.directory / SUMS, f"{digest.upper()} *./toy/model.onnx\n".encode())
    assert places.find(WEIGHT).path == own
    put(own)
    with pytest.raises(Unavailable):
        places.find(WEIGHT)


def test_every_file_of_an_own_directory_is_vouched_for(places):
    """A directory of the operator's is refused while one file in it is not listed."""
    assert places.own("clip") is None
    put(places.directory / "clip" / "onnx" / "vision_model.onnx")
    put(places.directory / "clip" / SUMS, f"{DIGEST}  onnx/vision_model.onnx\n".encode())
    assert places.own("clip") == places.directory / "clip"
    put(places.directory / "clip" / "more.onnx")
    with pytest.raises(Unavailable, match="sha256"):
        places.own("clip")


def test_a_file_in_parts_is_put_together_and_checked(places, monkeypatch, tmp_path):
    """Parts that lie in several packages become one file, with the digest of the whole."""
    parts = [put(tmp_path / "site" / name, data) for name, data in (("one", b"good "), ("two", b"weights"))]
    monkeypatch.setattr(weights, "_installed", lambda package, path: parts[int(package)])
    weight = Weight("toy/model.bin", Wheel((("0", "one"), ("1", "two")), DIGEST))
    assert places.present(weight)
    assert places.digest(weight) == DIGEST
    assert places.read(weight) == GOOD
    assert places.folder(weight).joinpath("model.bin").read_bytes() == GOOD
    put(parts[1], b"poison!")
    fresh = evolve(places, cache=tmp_path / "other")
    with pytest.raises(Unavailable, match="sha256"):
        fresh.find(weight)


def test_an_older_revision_does_not_hide_a_newer_one(places):
    """Of several revisions in the hub's cache the expected one is taken; where there is only another, it is refused."""
    put(in_hub(places, "aaa"), b"another revision")
    with pytest.raises(Unavailable, match="sha256"):
        places.find(WEIGHT)
    put(in_hub(places, "bbb"))
    assert places.read(WEIGHT) == GOOD


@pytest.mark.parametrize(
    "call",
    [
        lambda places: LocalTextEmbedder(places).embed(["x"]),
        lambda places: LocalTranscriber(places).transcribe(Path("sound.wav")),
        lambda places: LocalTranscriber(places, name="large").transcribe(Path("sound.wav")),
        lambda places: LocalImageEmbedder(places).embed([b"x"]),
        lambda places: LocalImageEmbedder(places).embed_joint([b"x"]),
        lambda places: LocalPictureReader(places).label([b"x"]),
    ],
)
async def test_missing_weights_say_what_to_do(nothing, call, monkeypatch):
    """Without weights each model answers with a code and with the command that gets them."""
    monkeypatch.setattr("videovector_adapters.local.launch.Child.call", _in_process)
    monkeypatch.setattr("videovector_adapters.local.serving.sys.addaudithook", lambda hook: None)
    with pytest.raises(Unavailable, match="videovector models fetch") as refusal:
        await call(nothing)
    assert refusal.value.code == "model_unavailable"


async def _in_process(child, method, /, *, deadline, progress=None, **arguments):
    """Run here what the child would run, where mirror wheels can be hidden."""
    served = getattr(serving, child.target.partition(":")[2])(**child.arguments)
    return list(getattr(served, method)(**arguments))


async def test_words_without_an_image_model_are_refused(nothing):
    """Searching pictures by words says that there is no image model instead of returning something."""
    with pytest.raises(Unavailable) as refusal:
        await LocalImageEmbedder(nothing).embed_query(["a cat"])
    assert refusal.value.code == "model_unavailable"


def test_names_hold_without_weights(nothing):
    """A server without weights starts: spaces and models have names and dimensions all the same."""
    images = LocalImageEmbedder(nothing)
    assert images.space.startswith("mobilenet-v2@b03531047ffa")
    assert (images.dimensions, images.joint_dimensions) == (1280, 384)
    assert LocalTextEmbedder(nothing).space.startswith("all-MiniLM-L6-v2@8199be6f699a")
    assert LocalTranscriber(nothing).model == "whisper-tiny.en@1a5afae06a4d"
    assert "mobilenet-v2@" in LocalPictureReader(nothing).model


def test_other_weights_are_another_space(places):
    """The name of a space changes with the weights, so that vectors of two models are never compared."""
    put(places.directory / "all-MiniLM-L6-v2" / "model.onnx", b"tuned")
    put(places.directory / SUMS, f"{hashlib.sha256(b'tuned').hexdigest()}  all-MiniLM-L6-v2/model.onnx".encode())
    assert LocalTextEmbedder(places).space != LocalTextEmbedder(evolve(places, directory=None)).space


def test_mirrors_are_pinned_once():
    """mirrors.txt and the catalogue name the same wheels, versions and hashes, and every wheel of a weight is there."""
    lines = [line for line in (ROOT / "mirrors.txt").read_text().splitlines() if line and not line.startswith("#")]
    pinned = {line.split("==")[0]: line.partition("==")[2] for line in lines}
    assert pinned == {name: f"{version} --hash=sha256:{sha256}" for name, (version, sha256) in MIRRORS.items()}
    used = {package for weight in CATALOG if weight.wheel for package, _ in weight.wheel.parts}
    assert used == set(MIRRORS)


def test_mirrors_are_never_imported():
    """No module of ours imports a mirror: their code never runs."""
    names = {name.replace("-", "_") for name in MIRRORS}
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert not [name for name in names for text in sources if f"import {name}" in text or f"from {name}" in text]


def test_children_have_no_network_and_no_secrets():
    """A child that would connect or look up a name is refused, whatever library tries."""
    code = (
        "import socket\n"
        "from videovector_adapters.local.serving import opened\n"
        "opened({'directory': None, 'cache': '/nowhere', 'hub': '/nowhere'})\n"
        "for attempt in (lambda: socket.create_connection(('127.0.0.1', 9), 1), lambda: socket.getaddrinfo('a.b', 1)):\n"
        "    try:\n"
        "        attempt()\n"
        "    except PermissionError as refusal:\n"
        "        print(refusal)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("without a network") == 2
    environment = LocalTextEmbedder()._quick.environment
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert not [name for name in environment if "KEY" in name or "TOKEN" in name.replace("TOKENIZERS", "")]


def toy_wheel(folder: Path, version: str = "1.0") -> tuple[Path, str]:
    """Write a wheel of data into a folder and return it with its sha256."""
    info = f"toy_weights-{version}.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("toy_weights/model.onnx", GOOD)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: toy-weights\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    path = put(folder / f"toy_weights-{version}-py3-none-any.whl", buffer.getvalue())
    return path, hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder of wheels in place of the package index, and a catalogue of one file."""
    path, sha256 = toy_wheel(tmp_path / "shop")
    toy = Weight("toy/model.onnx", Wheel((("toy-weights", "toy_weights/model.onnx"),), DIGEST))
    monkeypatch.setattr("videovector_adapters.local.fetch.CATALOG", (toy,))
    monkeypatch.setitem(catalog.MIRRORS, "toy-weights", ("1.0", sha256))
    return toy, ("--no-index", "--find-links", str(path.parent))


def test_fetch_brings_what_is_missing(places, shop):
    """Fetching takes the file out of its wheel without installing anything, and only when it is missing."""
    toy, index = shop
    said: list[str] = []
    assert fetch(places, index=index, say=said.append) == said == ["toy/model.onnx"]
    assert places.read(toy) == GOOD
    assert fetch(places, index=index) == []
    assert fetch(places, models=["another"], index=index) == []
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("toy-weights")


def test_fetch_refuses_another_wheel(places, shop, monkeypatch):
    """A wheel with another hash than was pinned is not opened."""
    _, index = shop
    monkeypatch.setitem(catalog.MIRRORS, "toy-weights", ("1.0", "0" * 64))
    with pytest.raises(Unavailable, match="VIDEOVECTOR_MODEL_DIR"):
        fetch(places, index=index)
    assert not [path for path in (places.cache / "fetched").rglob("*") if path.is_file()]


def test_fetch_refuses_another_file(places, shop, monkeypatch):
    """A file with another digest than its own does not stay."""
    toy, index = shop
    other = evolve(toy, wheel=evolve(toy.wheel, sha256="1" * 64))
    monkeypatch.setattr("videovector_adapters.local.fetch.CATALOG", (other,))
    with pytest.raises(Unavailable, match="sha256"):
        fetch(places, index=index)
    assert not [path for path in (places.cache / "fetched").rglob("*") if path.is_file()]


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)


@pytest.mark.parametrize(
    "build",
    [
        lambda path: b"",
        lambda path: b"junk",
        lambda path: pickle.dumps(_Runs(path)),
        lambda path: HEAD + pickle.dumps(_Runs(path), 2),
        lambda path: HEAD + pickle.dumps({"x": 1}, 2) + pickle.dumps([], 2),
    ],
)
def test_a_checkpoint_runs_nothing(build, tmp_path):
    """A checkpoint that names anything but tensors, or is none, is an error, and nothing in it runs."""
    with pytest.raises(ProcessingFailed, match="not read"):
        tensors(build(tmp_path / "ran"))
    assert not (tmp_path / "ran").exists()


def test_the_english_model_is_the_answer_without_the_large_one(nothing):
    """The speech model is base where all its files are, and tiny.en otherwise."""
    assert LocalTranscriber(nothing).name == "tiny.en"
    for weight in WHISPER["base"]:
        put(nothing.directory / weight.name)
    assert LocalTranscriber(nothing).name == "base"
