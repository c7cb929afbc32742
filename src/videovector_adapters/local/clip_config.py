"""What the configuration files of a CLIP or SigLIP directory say (see `local.clip` for the directory's layout)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from videovector_core.errors import Unavailable

NAME: Final = "clip"
_CLIP_TOKENS: Final = 77
_SIGLIP_TOKENS: Final = 64
_CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_CLIP_DEVIATION: Final = (0.26862954, 0.26130258, 0.27577711)


@frozen
class ClipConfig:
    """Sizes in pixels and tokens; `fixed_length` is SigLIP's habit of padding every text to the same length."""

    dimensions: int
    fixed_length: bool
    tokens: int
    crops: bool
    side: int
    shortest: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    @classmethod
    def read(cls, folder: Path) -> ClipConfig:
        """Read `config.json` and `preprocessor_config.json`.

        Raises:
            Unavailable: they are missing or say too little (code `model_unavailable`).
        """
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            pictures = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
            return cls(**_texts(config), **_pictures(pictures))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"The configuration of the model in the directory {NAME!r} cannot be used ({type(error).__name__}: "
                f"{error}); it needs config.json and preprocessor_config.json as the model hub has them."[:400],
                code="model_unavailable",
                details={"model": NAME},
            ) from error


def _texts(config: dict[str, Any]) -> dict[str, Any]:
    siglip = str(config["model_type"]).startswith("siglip")
    text = config.get("text_config", {})
    return {
        "dimensions": int(text["hidden_size"] if siglip else config["projection_dim"]),
        "fixed_length": siglip,
        "tokens": int(text.get("max_position_embeddings", _SIGLIP_TOKENS if siglip else _CLIP_TOKENS)),
    }


def _pictures(config: dict[str, Any]) -> dict[str, Any]:
    shortest = _extent(config["size"], "shortest_edge")
    crops = bool(config.get("do_center_crop"))
    return {
        "crops": crops,
        "shortest": shortest,
        "side": _extent(config["crop_size"], "height") if crops else shortest,
        "mean": _three(config.get("image_mean", _CLIP_MEAN)),
        "deviation": _three(config.get("image_std", _CLIP_DEVIATION)),
    }


def _extent(size: Any, name: str) -> int:
    return int(size if isinstance(size, int) else size.get(name) or size["height"])


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)
