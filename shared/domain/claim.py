"""An owner's claim: which registration they have, or are getting, because a person has at most one that is live."""

from datetime import datetime

from shared.domain.identifiers import CustomerId
from shared.domain.record import Record, Timestamp


class Claim(Record):
    """Names the registration. `held_until`: until then it may come to be stored, and nobody may take its place."""

    registration_id: CustomerId
    held_until: Timestamp

    def is_held(self, now: datetime) -> bool:
        """Whether whoever made it may still be at work."""
        return now < self.held_until
