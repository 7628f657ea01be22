"""Request charges (RU) of about the size the service asks for, so that a cost can be seen to grow.

Source: "Request Units in Azure Cosmos DB": a 1 KB read costs 1 RU, a 100 KB read 10 RU; writes cost about five to six
times as much; a query costs by what it looks at.
"""


def read_charge(size: int) -> str:
    return f"{1 + 0.09 * (size // 1024):.2f}"


def write_charge(size: int) -> str:
    return f"{5.5 + 0.48 * (size // 1024):.2f}"


def query_charge(looked_at: int, size: int) -> str:
    return f"{2.3 + 0.028 * looked_at + 0.09 * (size // 1024):.2f}"
