"""The limit of open files, which is also one of connections."""

import resource

# What macOS grants any process (OPEN_MAX); its usual soft limit is 256, that of Linux 1024.
WANTED = 10_240
# A connection through the gateway needs two files there and one in the app: enough for about 500 at a time.
ENOUGH = 1_024


def raise_limit() -> int:
    """Raises the soft limit of this process and of those it will start, at most to WANTED. Returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            # The system has another limit, which it does not show.
            return soft
        return wanted
    return WANTED if soft == resource.RLIM_INFINITY else soft


def warning(limit: int) -> str | None:
    """What to do about a limit that is too low."""
    if limit >= ENOUGH:
        return None
    return (
        f"Only {limit} files may be open at a time, so connections beyond about {limit // 2} wait or fail. "
        f"Raise the hard limit (`ulimit -Hn {WANTED}`, as an administrator) and start again."
    )
