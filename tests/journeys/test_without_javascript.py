"""The same way with JavaScript off: every page but live chat works, and the last messages are readable."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.conftest import StartServer
from tests.journeys.test_the_whole_story import OpenWindow, apply, approve, choose_password, register, reveal, sign_in
from tests.visitor import Visitor


@pytest.mark.prove
@pytest.mark.browser
@pytest.mark.slow
def test_everything_up_to_the_channel_page_works(start_server: StartServer, new_context: OpenWindow) -> None:
    server = start_server()
    applicant, office, viewer = (
        new_context(base_url=server.url, java_script_enabled=False).new_page() for _ in range(3)
    )
    link = apply(applicant)
    assert server.admin_password
    approve(office, server.admin_password)
    username, generated = reveal(applicant, link)
    sign_in(applicant, username, generated)
    choose_password(applicant, generated)
    applicant.goto("/c/jonas-radio")
    expect(applicant.locator("h1")).to_have_text("Jonas repairs radios")

    talker = Visitor(server.url).register("wren", "kettle-harbour-quiet-lantern")
    socket = talker.socket()
    socket.join("jonas-radio")
    assert socket.send("jonas-radio", "readable without a script")["ok"]
    talker.close_sockets()

    register(viewer, "pelle")
    viewer.goto("/c/jonas-radio")
    expect(viewer.locator("[data-message-id] .message__text")).to_have_text(["readable without a script"])
    viewer.locator("form[action='/logout'] button").first.click()
    expect(viewer.get_by_role("link", name="Sign in").first).to_be_visible()
