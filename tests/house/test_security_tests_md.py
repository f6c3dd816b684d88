"""docs/security-tests.md: every promise and every requirement has a row, and every test that a row names exists."""

from __future__ import annotations

import re

import pytest

from config import ROOT

TABLES = (ROOT / "docs" / "security-tests.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
# How many requirements of levels 1 and 2 each section of ASVS 5.0 has, in order: those of level 3 come last in each.
ASVS = {"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4}
ASVS |= {"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2}


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a table but its head."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return [cells for cells in found if cells[0] not in ("promise", "statement", "id", "---")]


def test_every_test_that_a_row_names_exists() -> None:
    named = set(NAMED.findall(TABLES))
    assert len(named) > 80
    assert [f"{path}::{name}" for path, name in sorted(named) if f"def {name}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("section", ["Passwords", "Lockout", "Sessions", "Sockets follow sessions"])
def test_every_promise_has_a_row(section: str) -> None:
    promised = {cells[0] for cells in rows(SECURITY.split(f"\n## {section}\n")[1].split("\n## ")[0])}
    assert promised
    assert promised - {cells[0] for cells in rows(TABLES)} == set(), "docs/security-tests.md says nothing about these"


def test_every_requirement_has_a_row_with_a_test_or_a_reason() -> None:
    asked = [f"{section}.{number + 1}" for section, count in ASVS.items() for number in range(count)]
    answered = {cells[0]: cells[3] for cells in rows(TABLES) if len(cells) == 4}
    assert list(answered) == asked
    assert [id for id, answer in answered.items() if not NAMED.search(answer) and len(answer.split()) < 8] == []
