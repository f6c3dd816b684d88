"""An applicant's whole way in a browser on a phone, in parts without JavaScript: type, answer, reveal, erase."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.conftest import world  # noqa: F401 - a fixture: people and an admin at work
from tests.journeys.test_accessibility import AXE, violations
from tests.journeys.test_phone_width import PHONE, too_wide
from tests.journeys.world import CHANNEL, World


def decide(built: World, how: str, reason: str) -> None:
    """The admin finds the application by its name, and does something about it."""
    admin = built.people["admin"]
    listed = admin.get("/admin/applications?name=Nights+of+Ida").text
    (page,) = set(re.findall(r"/admin/applications/\d+(?=[\"?])", listed))
    form = next(form for form in admin.forms(page) if "version" in form.fields)
    answer = admin.post(f"{page}/{how}", on=page, **{**form.fields, "reason": reason, "note": ""})
    assert answer.ok, answer.text[:3000]


def assert_for_everybody(page: Page) -> None:
    """Everything unfolded, nothing is cut on a phone, and axe finds nothing in any theme."""
    page.evaluate("document.querySelectorAll('main details').forEach((folded) => { folded.open = true; })")
    assert not too_wide(page)
    assert not violations(page)


@pytest.mark.prove
@pytest.mark.browser
def test_from_the_form_to_the_sign_in_and_to_nothing_left(
    world: World,  # noqa: F811 - the fixture above
    new_context: Callable[..., BrowserContext],
) -> None:
    window = new_context(base_url=world.server.url, viewport=PHONE)
    window.add_init_script(path=AXE)
    page = window.new_page()
    page.goto("/apply")
    for typed, told in (
        (CHANNEL, "This name is taken"),
        ("LIGHTH0USE", "This name is taken"),
        ("admin", "This name is reserved."),
        ("a b c", "Use lower-case letters"),
        ("nights-of-ida", "This address is free."),
    ):
        page.locator("#slug").fill(typed)
        expect(page.locator("#slug-live")).to_contain_text(told)
    page.locator("#email").fill("no address")
    page.locator("#channel_name").fill("Nights of Ida")
    page.locator("#about").fill("Owls, mostly.")
    page.locator("#agree").check()
    page.locator("form[action='/apply'] [type=submit]").click()
    expect(page.locator("#email-error")).to_contain_text("This is not an e-mail address.")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    expect(page.locator("#about")).to_have_value("Owls, mostly.")
    assert_for_everybody(page)
    page.locator("#email").fill("ida@example.org")
    page.locator("form[action='/apply'] [type=submit]").click()
    link = page.locator("#status-link").inner_text().strip()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Save as a file").click()
    assert link in Path(downloading.value.path()).read_text()
    window.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert_for_everybody(page)

    decide(world, "ask", "How late at night?")
    page.goto(link)
    page.get_by_role("button", name="Send the answer").click()
    expect(page.locator("#answer-error")).to_contain_text("Type your answer.")
    assert_for_everybody(page)
    plain = new_context(base_url=world.server.url, viewport=PHONE, java_script_enabled=False).new_page()
    plain.goto(link)
    expect(plain.locator("#application-status")).to_have_text("needs_information")
    expect(plain.get_by_text("How late at night?").first).to_be_visible()
    plain.locator("#answer").fill("Until two.")
    plain.get_by_role("button", name="Send the answer").click()
    expect(plain.locator("#application-status")).to_have_text("pending")

    decide(world, "approve", "Welcome.")
    page.goto(link)
    page.get_by_role("button", name="Show my sign-in once").click()
    password = page.locator("#generated-password").text_content() or ""
    assert len(password) == 16
    assert_for_everybody(page)
    page.goto(link)
    expect(page.get_by_role("heading", name="Your sign-in has been shown")).to_be_visible()
    assert_for_everybody(page)
    plain.goto(link)
    expect(plain.get_by_role("heading", name="Your sign-in has been shown")).to_be_visible()
    expect(plain.locator("#generated-password")).to_have_count(0)
    stored = b"".join(path.read_bytes() for path in world.server.folder.glob("streamzy.db*"))
    assert b"nights-of-ida" in stored, "what is looked at is what it was written to"
    token = link.rpartition("/")[2]
    for told in ("ida@example.org", "Owls, mostly", "How late at night", "Until two", token, password):
        assert told.encode() not in stored
    assert token not in world.server.log
    assert password not in world.server.log
    plain.get_by_text("Erase everything you told us").click()
    plain.locator("#confirm").check()
    plain.get_by_role("button", name="Erase it").click()
    expect(plain.get_by_text("Your application is erased")).to_be_visible()
    answer = page.goto(link)
    assert answer
    assert answer.status == 404
