"""Doors: a channel's streamer, or an admin from its settings, deletes it."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.auth.administration import ActRefused
from app.auth.permissions import ask_to_confirm, channel_keepers_only, the_session
from app.auth.routes import put_in_cookie
from app.auth.session import UserSession
from app.channels.forms import DeleteChannelForm
from app.chat import channel_deletion
from app.chat.settings_routes import carry_out, setting_up, settings_pages


@settings_pages.route("/delete", methods=["GET", "POST"])
@channel_keepers_only
def delete_channel(slug: str) -> str | tuple[str, int] | Response:
    """Say what goes with the channel, and delete it once its address is typed and the password was given lately."""
    acting = setting_up(slug)
    if not the_session().is_confirmed():
        return ask_to_confirm()
    form = DeleteChannelForm(acting.channel)
    if not form.validate_on_submit():
        page = render_template(
            "channels/delete.html",
            channel=acting.channel,
            going=channel_deletion.what_goes(acting.channel),
            form=form,
            action=url_for("settings.delete_channel", slug=slug),
            back=url_for("settings.page", slug=slug),
        )
        return page, 400 if form.is_submitted() else 200
    tokens: list[str] = []

    def delete() -> None:
        acting.require("settings")
        loses_role = acting.user.role == "streamer"
        channel_deletion.begin(acting.channel, acting.actor)
        if loses_role:  # as after a changed password: this browser goes on, under a new token
            tokens.append(UserSession.start(acting.user, acting.actor)[1])

    try:
        carry_out(delete)
    except ActRefused as refused:
        flash(str(refused), "info")
        return redirect(url_for("chat.home"), 303)
    for token in tokens:
        put_in_cookie(token)
    channel_deletion.finish()
    flash(f"/c/{slug} is deleted, with everything that was said there.", "success")
    return redirect(url_for("chat.home"), 303)
