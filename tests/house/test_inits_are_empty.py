"""A feature's __init__ says in one line what lives there, and imports nothing: imports there are how circles begin."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from config import ROOT

ROOF = ROOT / "app" / "__init__.py"
INITS = sorted(set((ROOT / "app").rglob("__init__.py")) - {ROOF})


def test_every_folder_of_the_app_is_a_room_with_a_name() -> None:
    folders = {path.parent for path in (ROOT / "app").rglob("*.py")} - {ROOT / "app"}
    assert {path.parent for path in INITS} == folders
    assert len(INITS) > 8


@pytest.mark.parametrize("path", INITS, ids=lambda path: path.parent.name)
def test_it_is_one_line_of_words(path: Path) -> None:
    (statement,) = ast.parse(path.read_text()).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    words = statement.value.value
    assert isinstance(words, str)
    assert "\n" not in words
    assert words.endswith(".")
