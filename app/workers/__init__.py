"""The processes that serve one database: which of them live, and what must be done by one of them at a time."""
