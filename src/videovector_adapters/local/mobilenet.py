"""MobileNetV2 (Sandler et al. 2018) as an ONNX graph, written from the tensors of torchvision's checkpoint.

The layers are those of torchvision's `mobilenet_v2`: a convolution, 17 inverted residual blocks, a convolution to 1,280
channels, the mean over the picture, and a linear classifier. Batch normalisation is folded into the convolutions. The
graph gives both the 1,280 features and the scores of 1,000 classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from videovector_adapters.local.checkpoint import Tensor

SIDE: Final = 224
FEATURES: Final = 1280
CLASSES: Final = 1000
_EPSILON: Final = 1e-5
_BLOCKS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats and first stride of each stage (table 2 of the paper)."""


@define
class _Writer:
    tensors: Mapping[str, Tensor]
    nodes: list[Any] = field(factory=list)
    constants: list[Any] = field(factory=list)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, at: str, convolution: str, norm: str, *, stride: int = 1, bounded: bool = True) -> str:
        """Add a convolution with the batch normalisation behind it; `bounded` adds the ReLU6."""
        weight, bias = self._folded(convolution, norm)
        size = weight.shape[2]
        out = self.node(
            "Conv",
            [at, self.constant(f"{convolution}.w", weight), self.constant(f"{convolution}.b", bias)],
            f"{convolution}.out",
            strides=[stride, stride],
            pads=[size // 2] * 4,
            kernel_shape=[size, size],
            group=len(weight) if weight.shape[1] == 1 and size == 3 else 1,
        )
        return self.node("Clip", [out, "zero", "six"], f"{convolution}.act") if bounded else out

    def _folded(self, convolution: str, norm: str) -> tuple[Tensor, Tensor]:
        scale = self.tensors[f"{norm}.weight"] / np.sqrt(self.tensors[f"{norm}.running_var"] + _EPSILON)
        weight = self.tensors[f"{convolution}.weight"] * scale[:, None, None, None]
        bias = self.tensors[f"{norm}.bias"] - self.tensors[f"{norm}.running_mean"] * scale
        return weight.astype(np.float32), bias.astype(np.float32)

    def block(self, at: str, number: int, *, expansion: int, stride: int, residual: bool) -> str:
        """Add an inverted residual block: widen, filter each channel, narrow, and add the input where it fits."""
        name = f"features.{number}.conv"
        out, step = at, 0
        if expansion > 1:
            out, step = self.convolution(out, f"{name}.0.0", f"{name}.0.1"), 1
        out = self.convolution(out, f"{name}.{step}.0", f"{name}.{step}.1", stride=stride)
        out = self.convolution(out, f"{name}.{step + 1}", f"{name}.{step + 2}", bounded=False)
        return self.node("Add", [at, out], f"{name}.sum") if residual else out


def graph(tensors: Mapping[str, Tensor]) -> bytes:
    """Write the graph: input `pixels` (n, 3, 224, 224), outputs `features` (n, 1280) and `scores` (n, 1000)."""
    writer = _Writer(tensors)
    writer.constant("zero", np.zeros((), np.float32))
    writer.constant("six", np.full((), 6, np.float32))
    at = _body(writer)
    at = writer.node("GlobalAveragePool", [at], "pooled")
    writer.node("Flatten", [at], "features")
    weight = writer.constant("classifier.w", tensors["classifier.1.weight"])
    bias = writer.constant("classifier.b", tensors["classifier.1.bias"])
    writer.node("Gemm", ["features", weight, bias], "scores", transB=1)
    made = helper.make_graph(
        writer.nodes,
        "mobilenet_v2",
        [_value("pixels", 3, SIDE, SIDE)],
        [_value("features", FEATURES), _value("scores", CLASSES)],
        writer.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _body(writer: _Writer) -> str:
    at = writer.convolution("pixels", "features.0.0", "features.0.1", stride=2)
    number, before = 1, 32
    for expansion, channels, repeats, first in _BLOCKS:
        for repeat in range(repeats):
            stride = first if repeat == 0 else 1
            residual = stride == 1 and before == channels
            at = writer.block(at, number, expansion=expansion, stride=stride, residual=residual)
            number, before = number + 1, channels
    return writer.convolution(at, f"features.{number}.0", f"features.{number}.1")


def _value(name: str, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])
