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
"""Functions of the service that are refused, like all those that start with ST_ or FULLTEXT."""

__all__ = ["FUNCTIONS", "NOT_SUPPORTED", "Function"]
