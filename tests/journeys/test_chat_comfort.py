"""The chat for people whose laptop sleeps, who listen rather than look, whom motion makes ill, and in a narrow dock."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import Nap
from tests.journeys.evening import Evening

pytestmark = [pytest.mark.prove, pytest.mark.browser]
# Every region that a screen reader reads aloud by itself notes what is put into it, unless that says it is silent.
LISTEN = """
  window.heard = [];
  const LIVE = "[aria-live], [role=log], [role=status], [role=alert]";
  const silent = (node) => node.parentElement && (node.closest ? node : node.parentElement)
    .closest(LIVE)?.getAttribute("aria-live") === "off";
  for (const region of document.querySelectorAll(LIVE)) {
    new MutationObserver((changes) => {
      for (const node of changes.flatMap((change) => [...change.addedNodes])) {
        if (!silent(node)) heard.push(node.textContent);
      }
    }).observe(region, { childList: true, subtree: true });
  }
"""
MOVING = """() => document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 10)
  .map((each) => each.effect.target.className)"""


def test_what_was_said_while_the_page_slept_is_there_once_when_it_wakes(evening: Evening) -> None:
    window, other = evening.window(evening.person("wren")), evening.person("pelle")
    evening.says(other, "before")
    expect(window.line("before")).to_be_visible()
    window.input.fill("half a sentence")
    asleep = Nap(window.page)
    for number in range(20):
        evening.says(other, f"in the night {number}")
    asleep.end()
    expect(window.line("in the night 19")).to_be_visible()
    assert window.texts() == ["before", *(f"in the night {number}" for number in range(20))]
    expect(window.input).to_have_value("half a sentence")


def test_each_message_is_read_out_once_and_nothing_moves_where_motion_is_unwanted(evening: Evening) -> None:
    window, other = evening.window(evening.person("wren"), reduced_motion="reduce"), evening.person("pelle")
    window.page.evaluate(LISTEN)
    evening.says(other, "the otter approves")
    expect(window.line("the otter approves")).to_be_visible()
    assert window.page.evaluate(MOVING) == []
    window.say("and so do I")
    expect(window.log.locator(".message--pending")).to_have_count(0)
    heard = window.page.evaluate("heard")
    for text in ("the otter approves", "and so do I"):
        assert sum(text in each for each in heard) == 1, heard


def test_the_popout_fits_a_dock_of_three_hundred_pixels(evening: Evening) -> None:
    evening.backstage.write(evening.slug, ["w" * 300, "short"])
    dock = {"width": 300, "height": 500}
    window = evening.window(evening.person("wren"), "?popout=1", viewport=dock)
    assert window.page.evaluate("document.documentElement.scrollWidth") <= dock["width"]
    for part in (window.input, window.page.locator("#chat-send"), window.status):
        expect(part).to_be_in_viewport(ratio=1)
    window.say("from the dock")
    expect(window.line("from the dock")).to_be_in_viewport(ratio=1)
    reader = evening.window(None, "?popout=1", viewport=dock)
    expect(reader.page.get_by_role("link", name="Sign in").first).to_be_in_viewport(ratio=1)
