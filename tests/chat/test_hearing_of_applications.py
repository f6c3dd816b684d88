"""Who reviews hears at once that something happened to an application: admins alone, and never what was told."""

from __future__ import annotations

import uuid

from tests.chat.stage import PASSWORD, Stage, refusal


def test_admins_who_asked_hear_of_a_new_application_and_nobody_else_does(stage: Stage) -> None:
    name = f"boss-{uuid.uuid4().hex[:8]}"
    stage.server.run_flask("users", "create", name, "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    hears, asked_nothing, viewer = stage.visitor().sign_in(name, PASSWORD), stage.visitor(), stage.viewer("vera")
    ears, deaf, outsider = hears.socket(), hears.socket(), viewer.socket()
    assert ears.call("review", {})["ok"] is True
    assert refusal(outsider.call("review", {})) == "forbidden"
    assert refusal(asked_nothing.socket().call("review", {})) == "not_signed_in"
    slug = f"wish-{uuid.uuid4().hex[:8]}"
    told = {"email": "stella@example.org", "channel_name": "Stars", "slug": slug, "about": "Every night.", "agree": "y"}
    stage.visitor().post_form("/apply", **told)
    change = ears.wait_for_event("application_changed")
    assert set(change) == {"id", "status", "step"}
    assert (change["status"], change["step"]) == ("pending", "received")
    for socket in (deaf, outsider):
        socket.call("active", {})  # whatever was sent before this answer has arrived
        assert not [payload for event, payload in socket.events if event == "application_changed"]
