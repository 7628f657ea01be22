"""The people whom the stand-in knows. They are made up; so are their numbers."""

import re
from dataclasses import dataclass
from typing import Final

NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
"""What Kakao calls a person in an app: a number of 64 bits, kept as text."""


@dataclass(frozen=True)
class Person:
    """`number`: of the person in this app (회원번호). `phone_number`: as Kakao writes it."""

    number: str
    nickname: str
    phone_number: str


PEOPLE: Final = (
    Person("1376016924", "연", "+82 10-1234-5678"),
    Person("2204417385", "민수", "+82 10 2345 6789"),
    Person("3581920467", "Mina", "+82 10-3456-7890"),
)


def person_of(number: str) -> Person | None:
    """The person with this number: one of those above, or somebody else; None if it is no number."""
    if not NUMBER.fullmatch(number):
        return None
    known = {person.number: person for person in PEOPLE}
    return known.get(number) or Person(number, f"손님 {number[-4:]}", "+82 10-0000-0000")
