"""The forms in which a password is changed and a passkey is named."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.auth.forms import LONGEST_FIELD, check_new_password
from app.auth.passkey import LONGEST_NAME
from app.auth.permissions import the_user
from app.security.text import UncleanText, clean_text

TOO_LONG = Length(max=LONGEST_FIELD, message="This password is too long.")


class PasswordForm(FlaskForm):
    """The current password, and the new one twice."""

    current_password = PasswordField("Current password", [InputRequired("Type your current password."), TOO_LONG])
    new_password = PasswordField("New password", [InputRequired("Choose a new password."), TOO_LONG])
    confirm_password = PasswordField("The new password again", [InputRequired("Type the new password again.")])

    def validate_new_password(self, field: PasswordField) -> None:
        """The new password keeps the rules, and is new."""
        chosen = field.data or ""
        if chosen == self.current_password.data:
            raise ValidationError("It must differ from the current one.")
        check_new_password(chosen, self.confirm_password.data or "", the_user().username)


class PasskeyForm(FlaskForm):
    """A passkey that the browser made, and what its owner calls it."""

    name = StringField("Name", [Length(max=LONGEST_NAME, message=f"Use at most {LONGEST_NAME} characters.")])
    credential = HiddenField("Passkey", [InputRequired("Your browser made no passkey.")])

    def validate_name(self, field: StringField) -> None:
        """Shown to its owner and in the audit log: nothing in it may hide or reorder."""
        try:
            field.data = clean_text(field.data or "", multiline=False)[:LONGEST_NAME]
        except UncleanText:
            raise ValidationError("The name holds characters that cannot be stored.") from None
