"""The light theme stands twice in the style sheet, by choice and by the system's wish: the two must be one."""

from __future__ import annotations

import re

from config import ROOT

TOKENS = ROOT / "static" / "css" / "tokens.css"


def declarations(selector: str) -> list[str]:
    """What the block of ``selector`` declares, in order."""
    sheet = re.sub(r"/\*.*?\*/", "", TOKENS.read_text(), flags=re.DOTALL)
    blocks = re.findall(re.escape(selector) + r"\s*\{([^{}]*)\}", sheet)
    assert len(blocks) == 1, f"{selector} stands {len(blocks)} times in {TOKENS.name}"
    return [" ".join(line.split()) for line in blocks[0].split(";") if line.strip()]


def test_light_by_choice_is_light_by_the_systems_wish() -> None:
    chosen = declarations('[data-theme="light"]')
    assert "color-scheme: light" in chosen
    assert len(chosen) > 40
    assert declarations(":root:not([data-theme])") == chosen
