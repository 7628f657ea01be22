"""Request charges (RU), approximately those of the service, so that growing costs become visible.

Source: "Request Units in Azure Cosmos DB": a 1 KB read costs 1 RU, a 100 KB read 10 RU; a write costs about five to six
times as much; a query costs according to the items it reads.
"""


def read_charge(size: int) -> str:
    return f"{1 + 0.09 * (size // 1024):.2f}"


def write_charge(size: int) -> str:
    return f"{5.5 + 0.48 * (size // 1024):.2f}"


def query_charge(items_read: int, size: int) -> str:
    return f"{2.3 + 0.028 * items_read + 0.09 * (size // 1024):.2f}"
