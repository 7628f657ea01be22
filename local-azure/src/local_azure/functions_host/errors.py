"""What keeps a host from starting."""


class StartError(Exception):
    """The app, a setting or the port is wrong; the message names it and the fix, in one line."""
