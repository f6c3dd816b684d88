"""Copies of the database that come back: made while serving, checked, restored. None holds a master key."""
