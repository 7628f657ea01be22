"""Limits. Those of the service are from "Azure Cosmos DB service quotas"."""

MAX_ITEM_BYTES = 2 * 1024 * 1024
MAX_ID_BYTES = 254  # of databases and containers, in UTF-8: "less than 255"
MAX_ITEM_ID_BYTES = 1023
MAX_NESTING = 128  # levels of objects and arrays
MAX_EXACT_INTEGER = 2**53  # numbers are doubles, which do not hold every integer beyond this
FORBIDDEN_IN_ID = frozenset("/\\?#\t\r\n")
MAX_PARTITION_KEY_BYTES = 2048
MAX_PARTITION_KEY_PATHS = 3
MAX_TTL_SECONDS = 2_147_483_647

MAX_BATCH_OPERATIONS = 100
MAX_BATCH_BYTES = 2 * 1024 * 1024
MAX_PATCH_OPERATIONS = 10

MAX_REQUEST_BYTES = 4 * 1024 * 1024  # above every limit that has an error of its own
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
DEFAULT_PAGE_SIZE = 100
DYNAMIC_PAGE_SIZE = 1000  # for x-ms-max-item-count: -1

MAX_QUERY_CHARACTERS = 512 * 1024
MAX_QUERY_NESTING = 100  # of parentheses and subqueries; stays below Python's recursion limit
MAX_PUSHED_TERMS = 100  # of a WHERE clause, passed to SQLite
MAX_PUSHED_CONSTANTS = 5_000  # of one term; SQLite takes 32,766 parameters
SCAN_BUDGET = 20_000  # items read for one page of a query in the order of an index; then it ends with a continuation
SLICE_SECONDS = 0.002  # that a query runs before others have their turn; most end within one
MOST_TURNS_LEFT_TO_OTHERS = 4  # of the event loop, between two slices: a long query then has a small share of it
COUNTED_AT_ONCE = 10_000  # entries of an index: about a millisecond
MAX_SORTED = 10_000  # items on a page in an order that no index has

PURGE_INTERVAL_SECONDS = 1.0
PURGE_BATCH = 100  # expired items of a container deleted at once: about a millisecond
