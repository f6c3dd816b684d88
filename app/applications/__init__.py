"""Requests to become a streamer, from the form to the revealed sign-in."""
