"""The forms of signing in and registering."""

from __future__ import annotations

from flask import current_app
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from app.auth import name as names
from app.auth import password as passwords
from app.security.typed_form import TypedForm

# Long enough for any password; a megabyte must not reach the Unicode tables, let alone bcrypt.
LONGEST_FIELD = 1024


class SignInForm(TypedForm):
    """Name and password. Says nothing about the rules: a guesser would learn them."""

    username = StringField(
        "User name",
        [InputRequired("Type your user name."), Length(max=LONGEST_FIELD, message="Wrong name or password.")],
    )
    password = PasswordField(
        "Password", [InputRequired("Type your password."), Length(max=LONGEST_FIELD, message="Wrong name or password.")]
    )


def check_new_password(chosen: str, repeated: str, *account_names: str) -> None:
    """Raise ValidationError unless ``chosen`` keeps the rules and was typed twice alike."""
    try:
        passwords.check(chosen, *account_names, shortest=current_app.config["STREAMZY"].password_min_length)
    except passwords.PasswordRefused as refused:
        raise ValidationError(str(refused)) from None
    if chosen != repeated:
        raise ValidationError("The two passwords differ.")


class RegistrationForm(TypedForm):
    """A new viewer's account."""

    username = StringField(
        "User name", [InputRequired("Choose a user name."), Length(max=LONGEST_FIELD, message="This name is too long.")]
    )
    password = PasswordField(
        "Password",
        [InputRequired("Choose a password."), Length(max=LONGEST_FIELD, message="This password is too long.")],
    )
    confirm_password = PasswordField("The same password again", [InputRequired("Type the password again.")])

    def validate_username(self, field: StringField) -> None:
        """The name keeps the rules; whether it is taken shows when it is."""
        try:
            names.check_username(field.data or "")
        except names.NameRefused as refused:
            raise ValidationError(str(refused)) from None

    def validate_password(self, field: PasswordField) -> None:
        """The password keeps the rules."""
        check_new_password(field.data or "", self.confirm_password.data or "", self.username.data or "")


class CodeForm(TypedForm):
    """A code from an authenticator app, or a recovery code."""

    code = StringField("Code", [InputRequired("Type a code."), Length(max=LONGEST_FIELD, message="That is no code.")])


class ConfirmForm(TypedForm):
    """The password, once more."""

    password = PasswordField(
        "Password", [InputRequired("Type your password."), Length(max=LONGEST_FIELD, message="Wrong password.")]
    )


class ForgottenForm(TypedForm):
    """A name, its recovery code, and the password it gets with it."""

    username = StringField(
        "User name",
        [InputRequired("Type your user name."), Length(max=LONGEST_FIELD, message="This name is too long.")],
    )
    recovery_code = StringField(
        "Recovery code",
        [InputRequired("Type the recovery code."), Length(max=LONGEST_FIELD, message="That is no recovery code.")],
    )
    new_password = PasswordField(
        "New password",
        [InputRequired("Choose a new password."), Length(max=LONGEST_FIELD, message="This password is too long.")],
    )
    confirm_password = PasswordField("The new password again", [InputRequired("Type the new password again.")])

    def validate_new_password(self, field: PasswordField) -> None:
        """The password keeps the rules."""
        check_new_password(field.data or "", self.confirm_password.data or "", self.username.data or "")
