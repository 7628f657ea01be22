"""The built-in functions, by name in upper case."""

from local_azure.cosmos.query.functions import collections, numbers, text, times, types
from local_azure.cosmos.query.functions.signatures import Function

FUNCTIONS: dict[str, Function] = {
    **text.FUNCTIONS,
    **numbers.FUNCTIONS,
    **types.FUNCTIONS,
    **collections.FUNCTIONS,
    **times.FUNCTIONS,
}

NOT_SUPPORTED = frozenset(("VECTORDISTANCE", "RRF", "DOCUMENTID", "COUNTIF", "MAKELIST", "MAKESET", "RAND"))
"""What the service has beyond these, together with all that begins with ST_ and FULLTEXT."""

__all__ = ["FUNCTIONS", "NOT_SUPPORTED", "Function"]
