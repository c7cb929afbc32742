"""The domain of video understanding, free of input and output.

`VideoVector(ports)` in `videovector_core.app` is the whole application; every port has a contract suite in
`videovector_core.testing` that any adapter of it must pass.
"""

from __future__ import annotations

__version__ = "0.1.0"
