"""The forms in which a password is changed, a passkey is named, and an account is deleted."""

from __future__ import annotations

from wtforms import HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, ValidationError

from app.auth.forms import LONGEST_FIELD, check_new_password
from app.auth.passkey import LONGEST_NAME
from app.auth.permissions import the_user
from app.channels.channel import Channel
from app.security.text import UncleanText, clean_text
from app.security.typed_form import TypedForm

TOO_LONG = Length(max=LONGEST_FIELD, message="This password is too long.")


class PasswordForm(TypedForm):
    """The current password, and the new one twice."""

    current_password = PasswordField("Current password", [InputRequired("Type your current password."), TOO_LONG])
    new_password = PasswordField("New password", [InputRequired("Choose a new password."), TOO_LONG])
    confirm_password = PasswordField("The new password again", [InputRequired("Type the new password again.")])

    def validate_new_password(self, field: PasswordField) -> None:
        """The new password keeps the rules, and is new."""
        chosen = field.data or ""
        if chosen == self.current_password.data:
            raise ValidationError("It must differ from the current one.")
        channel = Channel.of(the_user())
        names = (the_user().username, channel.slug if channel else "")
        check_new_password(chosen, self.confirm_password.data or "", *names)


class PasskeyForm(TypedForm):
    """A passkey that the browser made, and what its owner calls it."""

    name = StringField("Name", [Length(max=LONGEST_NAME, message=f"Use at most {LONGEST_NAME} characters.")])
    credential = HiddenField("Passkey", [InputRequired("Your browser made no passkey.")])

    def validate_name(self, field: StringField) -> None:
        """Shown to its owner and in the audit log: nothing in it may hide or reorder."""
        try:
            field.data = clean_text(field.data or "", multiline=False)[:LONGEST_NAME]
        except UncleanText:
            raise ValidationError("The name holds characters that cannot be stored.") from None


class DeleteForm(TypedForm):
    """What becomes of the messages, and the password."""

    messages = RadioField(
        "Your messages",
        [InputRequired("Choose what becomes of your messages.")],
        choices=[
            SelectChoice("delete", "Delete everything I wrote, in every channel"),
            SelectChoice("keep", "Leave it where it is, under the name \u201cdeleted account\u201d"),
        ],
    )
    password = PasswordField("Your password", [InputRequired("Type your password."), TOO_LONG])
