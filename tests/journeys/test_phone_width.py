"""On a phone 360 pixels wide nothing has to be pushed sideways, whatever people wrote."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.journeys.world import World

PHONE = {"width": 360, "height": 740}
# What sticks out, for whoever has to mend it. What scrolls inside its own box does no harm.
STICKS_OUT = """() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return [];
  return [`${wide} pixels`, ...[...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => `${e.tagName.toLowerCase()}.${[...e.classList].join(".")}`).slice(0, 5)];
}"""


def too_wide(page: Page) -> list[str]:
    """What makes the page wider than the screen."""
    found: list[str] = page.evaluate(STICKS_OUT)
    return found


@pytest.mark.prove
@pytest.mark.browser
def test_no_page_scrolls_sideways(world: World, window_of: Callable[..., BrowserContext]) -> None:
    windows: dict[str, Page] = {}
    found = {}
    for who, address in world.pages:
        if who not in windows:
            windows[who] = window_of(who, viewport=PHONE).new_page()
        page = windows[who]
        answer = page.goto(address, wait_until="load")
        assert answer and answer.ok, (who, address)
        if wide := too_wide(page):
            found[f"{who} {address}"] = wide
    assert len(world.pages) > 20, "hardly anything was looked at"
    assert ("admin", "/admin/letters") in world.pages, "the to-do leads there, for one could not be mailed"
    assert not found, found
