"""The tamper-evident record of who did what, when and from where."""
