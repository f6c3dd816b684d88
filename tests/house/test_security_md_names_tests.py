"""Every promise names the test that shows it, and that test is there."""

from __future__ import annotations

import re

from app.operations.promises import in_force
from config import ROOT, Settings

SECURITY = ROOT / "SECURITY.md"
TEST_PATH = re.compile(r"tests/[\w/]+\.py")


def missing(paths: set[str]) -> list[str]:
    """Those of ``paths`` where no test stands."""
    return sorted(
        path for path in paths if not (ROOT / path).is_file() or "\ndef test_" not in (ROOT / path).read_text()
    )


def test_every_test_that_security_md_names_is_there() -> None:
    named = set(TEST_PATH.findall(SECURITY.read_text()))
    assert len(named) > 20
    assert missing(named) == []


def test_every_promise_of_the_security_page_names_a_test_that_is_there() -> None:
    promises = in_force(Settings())
    assert len(promises) > 5
    for promise in promises:
        assert TEST_PATH.fullmatch(promise["test"])
    assert missing({promise["test"] for promise in promises}) == []


def test_every_row_of_a_table_of_promises_names_a_test() -> None:
    tables = re.findall(r"^\| promise \| how \| test \|\n\|[-| ]+\n((?:\|.*\n)+)", SECURITY.read_text(), re.MULTILINE)
    assert len(tables) > 4
    nameless = [row for table in tables for row in table.splitlines() if not TEST_PATH.search(row)]
    assert nameless == []
