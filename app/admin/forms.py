"""The forms of the dashboard: a decision, a text to begin with, another name, a channel without an application."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, StopValidation

from app.applications.reason_template import LONGEST_TEXT
from app.applications.reason_template import LONGEST_TITLE as LONGEST_TITLE_OF_TEXT
from app.channels.forms import readable
from app.channels.settings import LONGEST_TITLE
from app.security.text import UncleanText, clean_text

LONGEST = 2000


def _cleaned(_form: FlaskForm, field: StringField | TextAreaField) -> None:
    try:
        field.data = clean_text(field.data or "", multiline=True)
    except UncleanText:
        raise StopValidation("It holds characters that cannot be stored.") from None


def _something(_form: FlaskForm, field: StringField | TextAreaField) -> None:
    if not (field.data or "").strip():
        raise StopValidation("Type something that can be read.")


SAID = [Length(max=LONGEST, message=f"Use at most {LONGEST} characters."), _cleaned]


class VersionedForm(FlaskForm):
    """A form about something that others may change meanwhile: it names the version that was looked at."""

    version = HiddenField("Version", [InputRequired()])

    def seen_version(self) -> int:
        """The version that was looked at; anything that is no number matches none."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


class DecisionForm(VersionedForm):
    """What the applicant is told, what only admins read, and the version of the application that was looked at."""

    reason = TextAreaField("Answer to the applicant", SAID)
    note = TextAreaField("Note for admins", SAID)
    template = StringField("Begin with")


class RenameForm(FlaskForm):
    """Another name for an account. Whether it may be had shows when it is taken."""

    username = StringField(
        "User name", [InputRequired("Type the new name."), Length(max=64, message="This name is too long.")]
    )


class OpenChannelForm(FlaskForm):
    """A channel for an account that has none. Whether account and address will do shows when it is opened."""

    owner = StringField(
        "User name", [InputRequired("Type the owner's user name."), Length(max=64, message="This name is too long.")]
    )
    slug = StringField("Address", [InputRequired("Choose an address."), Length(max=64, message="This is too long.")])
    title = StringField(
        "Title",
        [
            InputRequired("Give the channel a title."),
            readable(LONGEST_TITLE, multiline=False, blank=False, watched=False),
        ],
    )


class MoveChannelForm(FlaskForm):
    """Another address for a channel."""

    slug = StringField("Address", [InputRequired("Type the address."), Length(max=64, message="This is too long.")])


class BulkForm(FlaskForm):
    """What each applicant is told, and what only admins read, when several are turned down at once."""

    reason = TextAreaField("Answer to each applicant", SAID)
    note = TextAreaField("Note for admins", SAID)


class ReasonTemplateForm(VersionedForm):
    """A text that answers begin with."""

    decision = SelectField(
        "For",
        choices=[
            SelectChoice("approve", "Approving"),
            SelectChoice("reject", "Not approving"),
            SelectChoice("ask", "Asking"),
        ],
    )
    title = StringField(
        "Name",
        [
            InputRequired("Give it a name."),
            Length(max=LONGEST_TITLE_OF_TEXT, message=f"Use at most {LONGEST_TITLE_OF_TEXT} characters."),
            _cleaned,
            _something,
        ],
    )
    text = TextAreaField(
        "Text",
        [
            InputRequired("Type the text."),
            Length(max=LONGEST_TEXT, message=f"Use at most {LONGEST_TEXT} characters."),
            _cleaned,
            _something,
        ],
    )

    def said(self) -> dict[str, str]:
        """What was typed, as ReasonTemplate takes it."""
        return {"decision": self.decision.data, "title": " ".join(self.title.data.split()), "text": self.text.data}
