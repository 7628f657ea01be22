"""Why a request could not be carried out. Each error has one HTTP response: shared/http/problems.py."""

from typing import Literal

type RefusalReason = Literal["unknown_template", "message_id_reused", "recipient_blocked", "recipient_unknown"]


class DomainError(Exception):
    """The base of all of these. Clients may read the message: it holds no personal data and nothing internal."""


class NotFound(DomainError):
    """There is no such resource."""


class Unauthenticated(DomainError):
    """It is not known who calls. `token_sent`: a token came, and was not accepted. `reason` never repeats it."""

    def __init__(self, reason: str, *, token_sent: bool = True) -> None:
        super().__init__(reason)
        self.token_sent = token_sent


class Forbidden(DomainError):
    """It is known who calls, and the call is not for them."""


class PreconditionFailed(DomainError):
    """The resource has changed since the client read it."""


class AlreadyExists(DomainError):
    """A resource with this id exists."""


class AlreadyRegistered(DomainError):
    """This person has a registration. `registration_id`: of the customer, or of the one that is pending."""

    def __init__(self, registration_id: str) -> None:
        super().__init__("You have a registration already; a person can have one. Cancel it to register anew.")
        self.registration_id = registration_id


class TooYoung(DomainError):
    """Children are not registered: their guardian would have to consent (PIPA article 22-2)."""

    def __init__(self, minimum_age: int) -> None:
        super().__init__(f"Customers must be {minimum_age} or older; a guardian can register instead.")


class RegistrationEnded(DomainError):
    """The registration has ended in another way. `status`: how; `reason`: why it was refused."""

    def __init__(self, status: str, reason: str | None = None) -> None:
        super().__init__(reason or f"This registration has ended: {status}.")
        self.status = status


class TooLateToWithdraw(DomainError):
    """The registration has ended in another way. `status`: how."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This registration can no longer be withdrawn: {status}.")
        self.status = status


class MessageAlreadySent(DomainError):
    """The customer already has a message of this kind."""


class IdempotencyKeyReused(DomainError):
    """The idempotency key was used before, with another request."""


class Unavailable(DomainError):
    """A service that is needed does not respond. `retry_after`: seconds until another attempt makes sense."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreUnavailable(Unavailable):
    """The database does not respond in time."""


class PublisherUnavailable(Unavailable):
    """The message broker does not respond in time."""


class Overloaded(Unavailable):
    """The request cannot be served in the time that its caller has. `reason` is a word for metrics."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"This could not be done in time ({reason}); nothing was changed.", retry_after)
        self.reason = reason


class KakaoUnavailable(Unavailable):
    """The kakao service is down, slow or overloaded. `reason` is a word for metrics.

    `may_be_told`: the call was sent and its outcome is unknown, so the customer may have been notified.
    """

    def __init__(self, reason: str, retry_after: float, *, may_be_told: bool = False) -> None:
        super().__init__(f"KakaoTalk could not be notified ({reason}); nothing was registered.", retry_after)
        self.reason = reason
        self.may_be_told = may_be_told


class KakaoBusy(KakaoUnavailable):
    """The kakao service works, and takes no more for the moment: it has told nobody."""


class KakaoRefused(DomainError):
    """The kakao service will not send this message, now or later."""


class ProviderUnavailable(Unavailable):
    """The KakaoTalk provider does not respond, or asks us to wait."""


class ProviderBusy(ProviderUnavailable):
    """The KakaoTalk provider works, and takes no more for the moment: it has sent nothing."""


class ProviderRefused(DomainError):
    """The KakaoTalk provider will never send this message."""

    def __init__(self, provider: str, reason: RefusalReason, message: str) -> None:
        super().__init__(message)
        self.provider = provider
        self.reason = reason
