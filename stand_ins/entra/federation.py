"""A federated identity credential: an app proves itself by the token of a managed identity, without a secret."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from stand_ins.entra.refusals import Refusal

AUDIENCE: Final = "api://AzureADTokenExchange"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523 §2.2."""
# Seconds by which the clocks of two machines may differ.
LEEWAY: Final = 300


@dataclass(frozen=True)
class FederatedCredential:
    """Whose tokens prove that it is the app: those of this issuer and subject, signed with the key in the file.

    The file is read each time: a local Azure makes a new key with each start.
    """

    issuer: str
    subject: str
    key: Path

    def verify(self, assertion: str) -> None:
        """Raises Refusal if the assertion does not prove it."""
        claims = self._claims(assertion)
        if claims["sub"] != self.subject:
            text = f"No matching federated identity record found for presented assertion subject '{claims['sub']}'."
            raise Refusal("invalid_client", 700213, text)

    def _claims(self, assertion: str) -> dict[str, Any]:
        key, algorithm = self._key()
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "sub", "exp", "nbf"], "strict_aud": True},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise Refusal("invalid_client", 700027, "Client assertion failed signature validation.") from None
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            raise Refusal("invalid_client", 700024, "Client assertion is not within its valid time range.") from None
        except jwt.InvalidIssuerError:
            text = "No matching federated identity record found for presented assertion issuer."
            raise Refusal("invalid_client", 700211, text) from None
        except jwt.InvalidAudienceError:
            text = f"No matching federated identity record found for presented assertion audience; it is {AUDIENCE}."
            raise Refusal("invalid_client", 700212, text) from None
        except jwt.InvalidTokenError:
            raise Refusal("invalid_client", 50027, "JWT token is invalid or malformed.") from None
        return claims

    def _key(self) -> tuple[EllipticCurvePublicKey | RSAPublicKey, str]:
        try:
            key = load_pem_public_key(self.key.read_bytes())
        except (OSError, ValueError):
            text = f"The stand-in cannot read a public key from --federated-key {self.key}."
            raise Refusal("temporarily_unavailable", 90033, text) from None
        match key:
            case EllipticCurvePublicKey():
                return key, "ES256"
            case RSAPublicKey():
                return key, "RS256"
            case _:
                text = f"The stand-in knows no algorithm for the key in {self.key}."
                raise Refusal("temporarily_unavailable", 90033, text)
