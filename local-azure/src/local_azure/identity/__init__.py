"""Managed identities: the endpoint where the apps of a stack get their tokens, and the key that signs these."""

TOKEN_PATH = "/msi/token"  # noqa: S105 no secret
