"""The trace that an invocation continues (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

import os
import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """`parent`: a valid `traceparent`; `state`: its `tracestate`, or empty; `begins`: the trace begins here."""

    parent: str
    state: str = ""
    begins: bool = False


def continue_trace(traceparent: str | None, tracestate: str | None = None) -> TraceContext:
    """The caller's trace if it is valid, else a new one that is sampled."""
    if traceparent and _TRACEPARENT.fullmatch(traceparent):
        return TraceContext(traceparent, tracestate or "")
    identifiers = os.urandom(24).hex()
    return TraceContext(f"00-{identifiers[:32]}-{identifiers[32:]}-01", begins=True)
