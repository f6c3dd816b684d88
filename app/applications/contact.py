"""Who sent an application, as far as two can be found to come from the same: keyed hashes, never the address itself."""

from __future__ import annotations

from app.audit.actor import coarse
from app.encryption.data_key import data_keys


def contact_hash(email: str) -> bytes:
    """The keyed hash by which applications of one e-mail address find each other, whatever the case."""
    return data_keys().lookup_hash(f"email:{email.strip().casefold()}")


def network_hash(address: str) -> bytes | None:
    """The keyed hash of the network that ``address`` is in (/24 of IPv4, /48 of IPv6); None when it is no address."""
    network = coarse(address)
    return data_keys().lookup_hash(f"network:{network}") if network else None
