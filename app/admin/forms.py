"""The forms of the dashboard: a decision, a text to begin with, another name, a channel without an application."""

from __future__ import annotations

from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from app.admin.lookup import number_in
from app.applications.reason_template import LONGEST_TEXT
from app.applications.reason_template import LONGEST_TITLE as LONGEST_TITLE_OF_TEXT
from app.channels.settings import LONGEST_TITLE
from app.security.typed_form import TypedForm, readable

LONGEST = 2000


SAID = [readable(LONGEST, multiline=True, blank=True, watched=False)]  # an admin may quote an attack


class VersionedForm(TypedForm):
    """A form about something that others may change meanwhile: it names the version that was looked at."""

    version = HiddenField("Version", [InputRequired()])

    def seen_version(self) -> int:
        """The version that was looked at; anything that is no number matches none."""
        number = number_in(self.version.data)
        return number if number is not None else -1


class DecisionForm(VersionedForm):
    """What the applicant is told, what only admins read, and the version of the application that was looked at."""

    reason = TextAreaField("Answer to the applicant", SAID)
    note = TextAreaField("Note for admins", SAID)
    template = StringField("Begin with")


class RenameForm(TypedForm):
    """Another name for an account. Whether it may be had shows when it is taken."""

    username = StringField(
        "User name", [InputRequired("Type the new name."), Length(max=64, message="This name is too long.")]
    )


class OpenChannelForm(TypedForm):
    """A channel for an account that has none. Whether account and address will do shows when it is opened."""

    owner = StringField(
        "User name", [InputRequired("Type the owner's user name."), Length(max=64, message="This name is too long.")]
    )
    slug = StringField("Address", [InputRequired("Choose an address."), Length(max=64, message="This is too long.")])
    title = StringField(
        "Title",
        [
            InputRequired("Give the channel a title."),
            readable(LONGEST_TITLE, multiline=False, watched=False),
        ],
    )


class MoveChannelForm(TypedForm):
    """Another address for a channel."""

    slug = StringField("Address", [InputRequired("Type the address."), Length(max=64, message="This is too long.")])


class BulkForm(TypedForm):
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
            readable(LONGEST_TITLE_OF_TEXT, multiline=False, watched=False),
        ],
    )
    text = TextAreaField(
        "Text",
        [
            InputRequired("Type the text."),
            readable(LONGEST_TEXT, multiline=True, watched=False),
        ],
    )

    def said(self) -> dict[str, str]:
        """What was typed, as ReasonTemplate takes it."""
        return {"decision": self.decision.data, "title": self.title.data, "text": self.text.data}
