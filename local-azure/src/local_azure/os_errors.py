"""What to do about an error of the operating system, in one line."""

import errno
import os
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT}
REFUSED = {errno.EACCES, errno.EPERM}


def explained(error: OSError) -> str:
    """The file, the reason and, where there is one, the fix."""
    file = f"{error.filename}: " if error.filename else ""
    reason = f"{file}{error.strerror or error}"
    if error.errno in FULL:
        return f"{reason}; free some space and try again"
    if error.errno in REFUSED and error.filename:
        return f"{reason}{_owner(Path(os.fsdecode(error.filename)))}"
    return reason


def _owner(file: Path) -> str:
    """Whose it is, or the folder it is in, if that is another user."""
    for path in (file, *file.parents):
        try:
            if path.stat().st_uid != os.geteuid():
                return f"; {path} belongs to {path.owner()}"
        except PermissionError:
            continue
        except (OSError, KeyError):
            # It does not exist, or its owner is not known here.
            continue
        return ""
    return ""
