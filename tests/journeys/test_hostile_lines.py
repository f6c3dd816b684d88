"""What got into the database past every check does nothing on any screen: no dialog, no new element, no broken policy.

Here with the project's own lines; tests/prove/test_hostile_corpus.py does it with a public corpus.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.journeys.hostile import BATCH, Hostility
from tests.journeys.world import World
from tests.security.samples import XSS

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def test_hostile_lines_are_shown_letter_by_letter_everywhere(
    world: World, window_of: Callable[..., BrowserContext]
) -> None:
    siege = Hostility(world, window_of)
    for start in range(0, len(XSS), BATCH):
        siege.show(XSS[start : start + BATCH])
    for line in XSS[::10]:
        siege.titled(line)


def test_harm_would_be_seen(world: World, window_of: Callable[..., BrowserContext]) -> None:
    siege = Hostility(world, window_of)
    siege.live.locator(".message__text").last.evaluate("(text) => text.append(document.createElement('img'))")
    with pytest.raises(AssertionError, match="img"):
        siege.show(["<b>"])
    siege.live.evaluate("alert('got you')")
    with pytest.raises(AssertionError, match="alert"):
        siege.show(["<b>"])
