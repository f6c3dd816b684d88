"""What is sealed is opened where it is shown or checked, and nowhere else. A new place has to be written down here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from app.encryption.sealed import Sealed, sealed_text
from app.extensions import Base
from config import ROOT

# Modules that open what is sealed, and why.
OPENERS = {
    "unseal": {"app/encryption/sealed.py"},  # the attribute of a row's own text
    "unsealed_bytes": {"app/encryption/sealed.py"},
    "open_body": {
        "app/chat/authorship.py",  # the export of one's own messages
        "app/chat/history.py",  # a page of messages, a snippet of a reply
        "app/chat/transcript.py",  # a channel's transcript, for its streamer
        "app/chat/verification.py",  # `flask keys verify`: every message opens, none is shown
    },
    # `flask keys rotate --messages`: under another key, none is shown
    "reseal_body": {"app/chat/resealing.py"},
    "move_tokens": {"app/encryption/fernet_token.py", "app/encryption/resealers.py"},
    "open_token": {"app/chat/message.py", "app/encryption/fernet_token.py", "app/encryption/sealed.py"},
}
# The relay opens what another process of this instance said a moment ago, on its way to the screens.
DECRYPTERS = {
    "app/backup/cipher.py",
    "app/chat/relay.py",
    "app/encryption/fernet_token.py",
    "app/encryption/keyring.py",
}

# Rows with texts of their own: which of them is read, by which modules and templates.
READERS: dict[str, dict[str, set[str]]] = {
    "StreamerApplication": {
        "about": {"app/account/own_data.py", "templates/admin/application.html"},
        "email": {"app/account/own_data.py", "app/applications/letter.py", "templates/admin/application.html"},
        "links_text": {"app/applications/streamer_application.py"},  # split into .links
        "note": set(),  # the timeline shows the step's own
        "public_reason": {
            "app/account/own_data.py",
            "templates/applications/status.html",
        },
    },
    "ApplicationStep": {
        "told_text": {"templates/admin/_steps.html", "templates/applications/status.html"},
        "remark_text": {"templates/admin/_steps.html"},
    },
    "Sanction": {
        # told to whom it is about, who may take it along; shown to the streamer and admins
        "stated_reason": {"app/account/own_data.py", "app/chat/connections.py", "templates/channels/_bans.html"}
    },
    "Totp": {"secret": {"app/auth/totp.py"}},
    "UnsentForm": {"fields_text": {"app/auth/unsent_form.py"}},  # split into .fields
}


def python_files() -> list[Path]:
    """The app's files."""
    return sorted((ROOT / "app").rglob("*.py"))


def name(path: Path) -> str:
    """A file's name from the root."""
    return path.relative_to(ROOT).as_posix()


def callers(function: str) -> set[str]:
    """Files that call ``function`` or hand it on."""
    found = set()
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if (isinstance(node, ast.Name) and node.id == function and isinstance(node.ctx, ast.Load)) or (
                isinstance(node, ast.Attribute) and node.attr == function
            ):
                found.add(name(path))
    return found


def sealed_attributes() -> dict[str, set[str]]:
    """Each model's texts that open when they are read."""
    found = {
        mapper.class_.__name__: {key for key, value in vars(mapper.class_).items() if isinstance(value, sealed_text)}
        for mapper in Base.registry.mappers
    }
    return {model: texts for model, texts in found.items() if texts}


def test_only_these_modules_open_what_is_sealed() -> None:
    assert {function: callers(function) for function in OPENERS} == OPENERS


def test_only_these_modules_decrypt_at_all() -> None:
    assert callers("decrypt") == DECRYPTERS


def test_every_sealed_column_is_opened_by_an_attribute_or_by_the_messages() -> None:
    columns = {
        (mapper.class_.__name__, column.name)
        for mapper in Base.registry.mappers
        for column in mapper.local_table.columns
        if isinstance(column.type, Sealed)
    }
    opened = {
        (mapper.class_.__name__, vars(mapper.class_)[key].column)
        for mapper in Base.registry.mappers
        for key in sealed_attributes().get(mapper.class_.__name__, ())
    }
    assert columns == opened
    assert len(columns) >= 5


def readers(text: str) -> set[str]:
    """Files that read the attribute ``text`` of a row: of anything but a form, whose fields were typed, not opened."""
    found = set()
    for path in python_files():
        tree = ast.parse(path.read_text())
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}  # a verb of that name
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == text and isinstance(node.ctx, ast.Load):
                if id(node) in called:
                    continue
                of = ast.unparse(node.value)
                is_model = of == "self" and f"{text} = sealed_text(" in path.read_text()
                if is_model or of not in ("form", "self", "self.form"):
                    found.add(name(path))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        if re.search(rf"\b(?!form\b)\w+\.{text}\b", path.read_text()):
            found.add(name(path))
    return found


@pytest.mark.prove
def test_every_sealed_text_is_read_only_where_it_is_written_down() -> None:
    assert {model: set(texts) for model, texts in READERS.items()} == sealed_attributes()
    for model, texts in READERS.items():
        for text, expected in texts.items():
            assert readers(text) == expected, f"{model}.{text}"
