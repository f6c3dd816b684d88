"""The page about keys in the admin's browser: a rotation is seen going on, and the page asks no longer than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlalchemy import delete

from app.encryption import key_work
from app.encryption.key_work import KeyWork
from app.extensions import db
from tests.journeys.world import World

pytestmark = pytest.mark.browser
EVERY_MS = 2000  # as in static/js/admin/progress.js


@pytest.fixture
def rotation(world: World) -> Iterator[Callable[..., None]]:
    """A rotation of 12,000 messages, as `flask keys rotate --messages` writes it down: told to go on, or to end."""
    with world.backstage.open():
        KeyWork.begin(key_work.MESSAGES, 12_000).note(3_000, 50.0)
        db.session.commit()

    def went_on(done: int, *, over: bool = False) -> None:
        with world.backstage.open():
            work = KeyWork.latest(key_work.MESSAGES)
            assert work
            work.note(done, 100.0)
            if over:
                work.finish()
            db.session.commit()

    yield went_on
    with world.backstage.open():
        db.session.execute(delete(KeyWork).where(KeyWork.kind == key_work.MESSAGES))
        db.session.commit()


def test_a_rotation_is_seen_going_on_and_coming_to_its_end(
    window_of: Callable[..., BrowserContext], rotation: Callable[..., None]
) -> None:
    page = window_of("admin").new_page()
    page.clock.install()
    page.goto("/admin/security")
    page.evaluate("window.same = true")  # a page that was loaded anew has forgotten it
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_accessible_name("Messages are encrypted anew: 3,000 of 12,000")
    expect(bar).to_have_attribute("value", "25")
    rotation(9_000)
    page.clock.fast_forward(EVERY_MS)
    expect(bar).to_have_attribute("value", "75")
    expect(page.get_by_text("100 a second, about 30 s left.")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    rotation(12_000, over=True)
    page.clock.fast_forward(EVERY_MS)
    expect(page.get_by_text("No rotation of messages is under way.")).to_be_visible()
    expect(bar).to_have_count(0)
    assert page.evaluate("window.same") is True
    assert len(asked) == 1
    page.clock.run_for(5 * EVERY_MS)
    assert len(asked) == 1, "there is nothing more to ask for"
