"""Known devices: a browser that has signed in before keeps a counter of its own, so that strangers who guess at an
account lock out other strangers, and not its owner."""

from __future__ import annotations

import base64
import hmac
import secrets

from app.encryption.data_key import data_keys

COOKIE = "device"
LIFETIME_SECONDS = 180 * 86400
MOST_ACCOUNTS = 5  # in one browser; a family's, not a crowd's


def known(cookie: str | None, account_id: int) -> str:
    """The device's id if ``cookie`` proves that ``account_id`` signed in there before, else ''."""
    for entry in _entries(cookie):
        account, device, signature = entry.split(".")
        if account == str(account_id) and hmac.compare_digest(signature, _signature(account_id, device)):
            return device
    return ""


def counter(of: str, cookie: str | None, account_id: int) -> str:
    """The counter of wrong tries at ``of`` that this browser falls under: its own one where the owner was before."""
    device = known(cookie, account_id)
    return f"{of}:{device}" if device else of


def remembering(cookie: str | None, account_id: int) -> str:
    """The cookie's new value: it also remembers that ``account_id`` signed in here."""
    others = [entry for entry in _entries(cookie) if entry.split(".")[0] != str(account_id)]
    device = known(cookie, account_id) or secrets.token_urlsafe(16)
    return "/".join([f"{account_id}.{device}.{_signature(account_id, device)}", *others][:MOST_ACCOUNTS])


def _entries(cookie: str | None) -> list[str]:
    return [entry for entry in (cookie or "")[:1024].split("/") if entry.count(".") == 2 and entry.isascii()]


def _signature(account_id: int, device: str) -> str:
    keys = data_keys()
    mac = keys.mac(keys.current_id("device"), f"device:{account_id}:{device}".encode())
    return base64.urlsafe_b64encode(mac[:18]).decode()
