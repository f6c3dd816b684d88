"""All lines of a public corpus of XSS payloads, stored past every check and shown on every screen of a real browser.

The corpus is not part of this project: STREAMZY_CORPORA names its folder, or it lies in ../shared/corpora.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from config import ROOT
from tests.journeys.conftest import window_of, world  # noqa: F401 - fixtures
from tests.journeys.hostile import BATCH, Hostility
from tests.journeys.world import World

QUICK = bool(os.environ.get("QUICK"))
CORPUS = Path(os.environ.get("STREAMZY_CORPORA") or ROOT.parent / "shared" / "corpora") / "xss.txt"

pytestmark = [pytest.mark.prove, pytest.mark.browser]


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of attacks is not part of the project")
def test_no_line_of_the_corpus_does_anything(
    world: World,  # noqa: F811 - the fixture
    window_of: Callable[..., BrowserContext],  # noqa: F811 - the fixture
) -> None:
    lines = [line.replace("\0", "") for line in CORPUS.read_text(errors="replace").splitlines() if line.strip()]
    assert len(lines) > 1000
    lines = lines[:: len(lines) // 50] if QUICK else lines
    siege = Hostility(world, window_of)
    for start in range(0, len(lines), BATCH):
        siege.show(lines[start : start + BATCH])
    for line in lines:
        siege.titled(line)
