"""The drawing of the house shows the house."""

from __future__ import annotations

from tests.docs import diagram
from tests.docs.pages import ROOT

DRAWING = ROOT / "docs" / "explanation" / "architecture.svg"


def test_the_drawing_is_current() -> None:
    """`python -m tests.docs.diagram` draws it anew."""
    assert DRAWING.read_text() == diagram.page()


def test_what_follows_from_other_imports_is_left_out() -> None:
    """An arrow that two others imply is not drawn, and a room stands above all that it imports."""
    imports = {"roof": {"wall"}, "wall": {"ground"}, "ground": set[str]()}
    assert diagram.storeys(imports) == [["roof"], ["wall"], ["ground"]]
    crowded = {"roof": {"wall", "ground"}, "wall": {"ground"}}
    assert diagram.direct("roof", crowded) == {"wall"}
