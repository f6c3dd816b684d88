"""The forms of a channel's settings: every field keeps its rule, and says so beside itself."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError

from app.channels import settings, stream
from app.channels.channel import Channel
from app.security.typed_form import TypedForm, readable

SHORTEST_PASSWORD, MOST_PASSWORD_BYTES = 8, 72
LONGEST_REASON = 300
# Fields of the settings that are not switches.
KEPT = ("title", "description", "rules", "stream_url", "access", "slow_mode", "retention_days")
# How long a person may not write: what the page offers, in seconds; "" is for good.
HOW_LONG = {
    "": "For good",
    "60": "1 minute",
    "600": "10 minutes",
    "3600": "1 hour",
    "86400": "1 day",
    "604800": "1 week",
    "1209600": "2 weeks",
}


class ChannelForm(TypedForm):
    """What a channel is called, and who may read and write there."""

    title = StringField("Title", [InputRequired("Give the channel a title."), readable(80, multiline=False)])
    description = TextAreaField("About", [readable(settings.LONGEST_DESCRIPTION, multiline=True, blank=True)])
    rules = TextAreaField("House rules", [readable(settings.LONGEST_RULES, multiline=True, blank=True)])
    stream_url = StringField("Stream", [readable(stream.LONGEST, multiline=False, blank=True)])
    access = RadioField(
        "Who may read",
        [InputRequired("Choose who may read.")],
        choices={"public": "Everybody", "accounts": "People with an account", "private": "Members"},
    )
    members_only = BooleanField("Only members may write")
    slow_mode = IntegerField(
        "Slow mode",
        [
            InputRequired(message="Type a number of seconds; 0 for none."),
            NumberRange(0, settings.MOST_SLOW_SECONDS, "Use 0 to 300 seconds."),
        ],
    )
    unique_messages = BooleanField("Refuse repeats")
    retention_days = IntegerField(
        "Keep messages for",
        [
            InputRequired(message="Type a number of days; 0 for no limit of this channel's own."),
            NumberRange(0, settings.MOST_RETENTION_DAYS, "Use 0 to 3650 days."),
        ],
    )
    seen = HiddenField()

    def __init__(self, channel: Channel) -> None:
        given = {name: getattr(channel, name) for name in settings.NAMES} | {"slow_mode": channel.slow_mode_seconds}
        # What a program leaves out stays as it is. Of a switch, leaving it out is how a browser says "off".
        if request.method == "POST" and request.endpoint == "settings.page":
            kept = {name: given[name] for name in KEPT}
            sent = request.form.copy()
            for name, value in kept.items():
                sent.setdefault(
                    name, "" if value is None else str(value)
                )  # as a browser would: a bare 0 counts as nothing typed
            super().__init__(formdata=sent, data=given)
        else:
            super().__init__(formdata=None, data=given)

    def validate_stream_url(self, field: StringField) -> None:
        """An address for which there is a player, of a host that the operator allows."""
        allowed = current_app.config["STREAMZY"].stream_hosts
        if field.data and field.data != field.object_data and stream.player_of(field.data, allowed, "") is None:
            raise ValidationError("That is no stream that can be shown here. The hosts are named above.")

    def validate_rules(self, field: TextAreaField) -> None:
        """One a line, and few enough to be read."""
        if len([line for line in (field.data or "").splitlines() if line.strip()]) > settings.MOST_RULES:
            raise ValidationError(f"Give at most {settings.MOST_RULES} rules, one a line.")

    def wanted(self) -> dict[str, Any]:
        """The settings as they were sent."""
        asked = {name: self[name].data for name in settings.NAMES if name != "slow_mode_seconds"}
        return asked | {"slow_mode_seconds": self.slow_mode.data, "stream_url": self.stream_url.data or None}


class MemberForm(TypedForm):
    """Whom to add as a member."""

    username = StringField("User name", [InputRequired("Type a user name."), Length(max=64)], id="member-username")


class ModeratorForm(TypedForm):
    """Whom to trust with moderating."""

    username = StringField("User name", [InputRequired("Type a user name."), Length(max=64)], id="moderator-username")


class SanctionForm(TypedForm):
    """Whom to keep from writing, for how long, and why."""

    username = StringField("User name", [InputRequired("Type a user name."), Length(max=64)], id="sanction-username")
    seconds = SelectField("How long", choices=HOW_LONG, default="600", id="sanction-seconds")
    reason = StringField(
        "Reason", [readable(LONGEST_REASON, multiline=False, blank=True, watched=False)], id="sanction-reason"
    )
    purge = BooleanField("Remove everything they said here", id="sanction-purge")


class ClearForm(TypedForm):
    """Removing everything is confirmed on purpose."""

    sure = BooleanField("Remove everything", [InputRequired("Tick this first: it cannot be undone.")], id="clear-sure")


class DeleteChannelForm(TypedForm):
    """Deleting a channel is confirmed by typing its address: no slip of a finger does that."""

    slug = StringField(
        "Address of the channel",
        [InputRequired("Type the channel's address."), Length(max=64, message="This is not its address.")],
        id="delete-slug",
    )

    def __init__(self, channel: Channel, **options: Any) -> None:
        super().__init__(**options)
        self.wanted = channel.slug

    def validate_slug(self, field: StringField) -> None:
        """It must be this channel's; people may write it as it stands on the page."""
        if (field.data or "").strip().removeprefix("/c/") != self.wanted:
            raise ValidationError(f"This is not the address of this channel. Type {self.wanted}.")


class ChannelPasswordForm(TypedForm):
    """The password that makes people members of a private channel."""

    password = PasswordField("New password", [InputRequired("Choose a password.")], id="channel-password")

    def validate_password(self, field: PasswordField) -> None:
        """Long enough that guessing takes longer than it is worth, and no longer than bcrypt reads."""
        chosen = field.data or ""
        if len(chosen) < SHORTEST_PASSWORD:
            raise ValidationError(f"Use at least {SHORTEST_PASSWORD} characters.")
        if "\0" in chosen or len(chosen.encode("utf-8", "surrogatepass")) > MOST_PASSWORD_BYTES:
            raise ValidationError(f"Use at most {MOST_PASSWORD_BYTES} bytes: letters outside a to z count for more.")


class EntryForm(TypedForm):
    """A private channel's password, from somebody who was told it."""

    password = PasswordField("The channel's password", [InputRequired("Type the password."), Length(max=1000)])
