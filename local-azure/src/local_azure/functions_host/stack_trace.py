"""Stack traces as the worker library returns them: text."""


def last_frame(stack_trace: str) -> str:
    """The position of the last frame as ` (file:line)`; empty if there is none."""
    frames = [line.strip() for line in stack_trace.splitlines() if line.strip().startswith('File "')]
    if not frames:
        return ""
    file, line = frames[-1].removeprefix('File "').split('", line ')
    return f" ({file}:{line.partition(',')[0]})"
