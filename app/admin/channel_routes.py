"""Doors of the dashboard to channels: find one, open one without an application, move, shut, reopen and delete it."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.admin import channels as lists
from app.admin.forms import MoveChannelForm, OpenChannelForm
from app.admin.lookup import row_or_404
from app.admin.routes import admin
from app.audit.actor import Actor
from app.auth.administration import ActRefused
from app.auth.name import NameRefused
from app.auth.permissions import admins_only, current_actor, recently_confirmed
from app.auth.user import User
from app.channels import administration
from app.channels.channel import Channel
from app.channels.forms import DeleteChannelForm
from app.chat import channel_deletion
from app.extensions import db


@admin.get("/channels")
@admins_only
def channels() -> str:
    """Every channel, searched and filtered, and the way to open one."""
    return _list(OpenChannelForm(formdata=None))


@admin.post("/channels/open")
@admins_only
def open_channel() -> Response | tuple[str, int]:
    """Open a channel for an account that has none."""
    form = OpenChannelForm()
    if not form.validate_on_submit():
        return _list(form), 400
    owner = User.named(form.owner.data or "")
    if owner is None:
        form.owner.errors = ["There is no account of that name."]
        return _list(form), 400
    try:
        channel = administration.open_for(owner, form.slug.data or "", form.title.data or "", current_actor())
        db.session.commit()
    except (NameRefused, ActRefused) as refused:
        db.session.rollback()
        field = form.slug if isinstance(refused, NameRefused) else form.owner
        field.errors = [str(refused)]
        return _list(form), 409
    flash(f"Opened /c/{channel.slug} for {channel.owner.username}.", "success")
    return redirect(url_for("admin.channel", id=channel.id))


@admin.get("/channels/<int:id>")
@admins_only
def channel(id: int) -> str:
    """One channel on one screen."""
    found = row_or_404(Channel, id)
    return _page(found, MoveChannelForm(formdata=None, slug=found.slug))


@admin.post("/channels/<int:id>/rename")
@admins_only
def rename_channel(id: int) -> Response | tuple[str, int]:
    """Give the channel another address."""
    found, form = row_or_404(Channel, id), MoveChannelForm()
    if not form.validate_on_submit():
        return _page(found, form), 400
    try:
        administration.move(found, form.slug.data or "", current_actor())
        db.session.commit()
    except (NameRefused, ActRefused) as refused:
        db.session.rollback()
        form.slug.errors = [str(refused)]
        return _page(row_or_404(Channel, id), form), 409
    flash(f"The channel is at /c/{form.slug.data} now. Tell its streamer: the former address leads nowhere.", "success")
    return redirect(url_for("admin.channel", id=id))


@admin.post("/channels/<int:id>/disable")
@admins_only
@recently_confirmed
def disable_channel(id: int) -> Response | tuple[str, int]:
    """Shut the channel."""
    return _act(id, administration.disable, "/c/{} is shut. Its messages stay.", "/c/{} was shut already.")


@admin.post("/channels/<int:id>/enable")
@admins_only
def enable_channel(id: int) -> Response | tuple[str, int]:
    """Open the channel again."""
    return _act(id, administration.enable, "/c/{} is open again.", "/c/{} was open already.")


@admin.route("/channels/<int:id>/delete", methods=["GET", "POST"])
@admins_only
@recently_confirmed
def delete_channel(id: int) -> str | Response | tuple[str, int]:
    """Delete the channel, one that is shut or whose owner has left too, once its address is typed."""
    found = row_or_404(Channel, id)
    form, slug = DeleteChannelForm(found), found.slug
    if not form.validate_on_submit():
        page = render_template(
            "channels/delete.html",
            channel=found,
            going=channel_deletion.what_goes(found),
            form=form,
            action=url_for("admin.delete_channel", id=id),
            back=url_for("admin.channel", id=id),
        )
        return page, 400 if form.is_submitted() else 200
    try:
        channel_deletion.begin(found, current_actor())
        db.session.commit()
    except ActRefused as refused:
        db.session.rollback()
        flash(str(refused), "info")
        return redirect(url_for("admin.channels"))
    channel_deletion.finish()
    flash(f"/c/{slug} is deleted, with everything that was said there.", "success")
    return redirect(url_for("admin.channels"))


def _act(channel_id: int, act: Callable[[Channel, Actor], bool], done: str, nothing: str) -> Response | tuple[str, int]:
    found = row_or_404(Channel, channel_id)
    try:
        happened = act(found, current_actor())
        db.session.commit()
    except ActRefused as refused:
        db.session.rollback()
        found = row_or_404(Channel, channel_id)
        return _page(found, MoveChannelForm(formdata=None, slug=found.slug), conflict=str(refused)), 409
    flash((done if happened else nothing).format(found.slug), "success" if happened else "info")
    return redirect(url_for("admin.channel", id=channel_id))


def _list(form: OpenChannelForm) -> str:
    which = lists.asked(request.args)
    if which is None:
        abort(404)
    return render_template("admin/channels.html", form=form, **lists.listed(which))


def _page(found: Channel, form: MoveChannelForm, conflict: str | None = None) -> str:
    return render_template("admin/channel.html", form=form, conflict=conflict, **lists.one(found))
