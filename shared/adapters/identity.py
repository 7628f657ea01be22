"""The managed identity that an app on Azure signs in with."""

from functools import cache

from azure.identity.aio import ManagedIdentityCredential


@cache
def managed_identity(client_id: str | None) -> ManagedIdentityCredential:
    """One for each process, because it caches tokens. `client_id` None: the system-assigned identity."""
    return ManagedIdentityCredential(client_id=client_id)
