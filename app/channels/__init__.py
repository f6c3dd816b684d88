"""Channels and who belongs to them."""
