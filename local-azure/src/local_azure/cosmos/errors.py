"""Every error response of the emulator, with the status, code and text of the service.

The sub-statuses are those that the SDKs act on ("HTTP status codes for Azure Cosmos DB").
"""

import json

PARTITION_KEY_MISMATCH = 1001
OWNER_RESOURCE_NOT_FOUND = 1003
PARTITION_KEY_RANGE_GONE = 1002
CONTAINER_RID_MISMATCH = 1024


class CosmosError(Exception):
    """An error response. `code` and `message` form its body; `sub_status` becomes a header."""

    def __init__(self, status: int, code: str, message: str, sub_status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.sub_status = sub_status


def bad_request(message: str, sub_status: int = 0) -> CosmosError:
    return CosmosError(400, "BadRequest", message, sub_status)


def unauthorized(message: str) -> CosmosError:
    return CosmosError(401, "Unauthorized", message)


def not_found() -> CosmosError:
    return CosmosError(404, "NotFound", "Entity with the specified id does not exist in the system.")


def owner_not_found(kind: str, name: str) -> CosmosError:
    """The database or container that should contain the requested resource does not exist."""
    return CosmosError(404, "NotFound", f"Owner resource does not exist: {kind} {name!r}.", OWNER_RESOURCE_NOT_FOUND)


def method_not_allowed(method: str, path: str) -> CosmosError:
    return CosmosError(405, "MethodNotAllowed", f"The requested verb is not supported: {method} {path}")


def conflict() -> CosmosError:
    return CosmosError(409, "Conflict", "Entity with the specified id already exists in the system.")


def partition_key_range_gone(range_id: str) -> CosmosError:
    message = f"The requested resource is no longer available at the server: partition key range {range_id!r}."
    return CosmosError(410, "Gone", message, PARTITION_KEY_RANGE_GONE)


def precondition_failed() -> CosmosError:
    message = "Operation cannot be performed because one of the specified precondition is not met."
    return CosmosError(412, "PreconditionFailed", message)


def request_too_large(message: str = "Request size is too large") -> CosmosError:
    return CosmosError(413, "RequestEntityTooLarge", message)


def failed_dependency() -> CosmosError:
    return CosmosError(424, "FailedDependency", "Another operation of the transactional batch failed.")


def internal_server_error() -> CosmosError:
    return CosmosError(500, "InternalServerError", "Unknown server error occurred when processing this request.")


def not_supported(feature: str) -> CosmosError:
    """A feature of the service that this emulator lacks is refused, never ignored."""
    return bad_request(f"The local Cosmos DB does not support {feature}.")


def partition_key_mismatch() -> CosmosError:
    message = "PartitionKey extracted from document doesn't match the one specified in the header."
    return bad_request(message, PARTITION_KEY_MISMATCH)


def container_rid_mismatch() -> CosmosError:
    message = "The container was recreated: its _rid is not the one in x-ms-cosmos-intended-collection-rid."
    return bad_request(message, CONTAINER_RID_MISMATCH)


def query_error(message: str, start: int, end: int, code: str = "SC1001") -> CosmosError:
    """A query that the service would refuse. `start` and `end`: character positions in its text."""
    location = {"start": start, "end": end}
    error = {"severity": "Error", "location": location, "code": code, "message": message}
    return bad_request("Message: " + json.dumps({"errors": [error]}))
