"""The error that keeps a host from starting."""


class StartError(Exception):
    """The app, a setting or the port is wrong. The message names it and the fix, in one line."""
