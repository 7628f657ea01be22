"""The service's limits, by name. Source: "Azure Cosmos DB service quotas" unless said otherwise."""

MAX_ITEM_BYTES = 2 * 1024 * 1024
MAX_ID_BYTES = 254  # "less than 255": of a container and a database, in UTF-8
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

MAX_REQUEST_BYTES = 4 * 1024 * 1024  # above every limit that has an answer of its own
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
DEFAULT_PAGE_SIZE = 100
DYNAMIC_PAGE_SIZE = 1000  # what a client gets that asks for x-ms-max-item-count: -1

MAX_QUERY_CHARACTERS = 512 * 1024
MAX_QUERY_NESTING = 100  # parentheses and subqueries; keeps the parser clear of Python's own limit
MAX_PUSHED_TERMS = 100  # of a WHERE clause, given to SQLite
MAX_PUSHED_CONSTANTS = 5_000  # of one term; SQLite takes 32,766 parameters
SCAN_BUDGET = 20_000  # documents looked at for one page of a query, so that no query stops the others for long

PURGE_INTERVAL_SECONDS = 1.0
PURGE_BATCH = 500  # expired items deleted in one go
