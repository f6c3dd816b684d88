"""What this instance promises, with the values in force. Each promise names the test that guards it."""

from __future__ import annotations

from config import Settings


def in_force(settings: Settings) -> list[dict[str, str]]:
    """The promises of SECURITY.md as this instance keeps them."""
    return [
        _promise(
            "Messages are encrypted before they are stored",
            "Each channel has a key of its own, wrapped by a master key that is not in the database.",
            "Fernet: AES-128-CBC with HMAC-SHA256",
            "tests/chat/test_message_encryption.py",
        ),
        _promise(
            "Messages go by age",
            "They are removed for good, and the key of a month with its last message. Streamers may set less.",
            f"after {settings.message_retention_days} days"
            if settings.message_retention_days
            else "where a streamer set a limit",
            "tests/chat/test_retention.py",
        ),
        _promise(
            "A message opens only where it was written",
            "Author, channel and row are sealed with the text. Moved elsewhere, it is shown as unverified.",
            "checked at every reading",
            "tests/chat/test_message_encryption.py",
        ),
        _promise(
            "Passwords are stored as slow hashes",
            "Nobody here can read them, and none is ever logged or mailed.",
            f"bcrypt, {settings.bcrypt_rounds} rounds",
            "tests/auth/test_passwords.py",
        ),
        _promise(
            "Guessing is stopped",
            "Wrong passwords close an account to guessing; open sessions go on.",
            f"{settings.lockout_failures} failures, {settings.lockout_minutes} minutes",
            "tests/auth/test_lockout.py",
        ),
        _promise(
            "A password need not be enough",
            "Every account can add an app's codes or a passkey. Each code opens once; the app's secret is sealed.",
            "a must for admins" if settings.require_admin_two_factor else "offered to everybody",
            "tests/auth/test_second_factor.py",
        ),
        _promise(
            "Sessions live on the server",
            "Only a hash of the token is stored. Signing out ends it there, and its chat sockets with it.",
            f"{settings.session_lifetime_minutes} minutes; {settings.activity_timeout_minutes} minutes without you",
            "tests/auth/test_sessions.py",
        ),
        _promise(
            "Everything has a limit",
            "Counted in sliding windows, over all your tabs.",
            f"sign-in {settings.ratelimit_login}; messages {settings.ratelimit_messages}; "
            f"applications {settings.ratelimit_applications}",
            "tests/security/test_rate_limits.py",
        ),
        _promise(
            "Text stays text",
            "No page runs a script that is not one of this site's files.",
            "Content-Security-Policy without unsafe-inline; Trusted Types",
            "tests/house/test_headers.py",
        ),
        _promise(
            "Who did what is on record",
            "Sign-ins, decisions, blocks and changes are chained, so that a change to the record shows.",
            "HMAC chain, checked by flask audit verify",
            "tests/audit/test_chain.py",
        ),
    ]


LIMITS = [
    "This server can read messages: it has the keys. Whoever controls the server can too.",
    "Whoever steals the database alone, or a backup without the key, reads no message, but sees who wrote when.",
    "Viewers can copy what they read.",
    "A channel's title, its description and your user name are not encrypted.",
]


def _promise(title: str, text: str, value: str, test: str) -> dict[str, str]:
    return {"title": title, "text": text, "value": value, "test": test}
