"""Why a backup was not made, or did not come back: in words, for whoever typed the command."""


class BackupRefused(Exception):
    """It would overwrite something, or the files do not fit. Nothing was changed."""


class BackupDamaged(BackupRefused):
    """The file is not what was written: cut off, changed, put together anew, or under another passphrase."""


class ToolMissing(Exception):
    """A program of PostgreSQL that the work needs is not there, or cannot do it."""
