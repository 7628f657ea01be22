"""Registering: the form, and what becomes of it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self
from uuid import UUID, uuid4, uuid5

from shared.domain.consent import ConsentItem
from web.pages.fields import (
    ADDRESS,
    AGE,
    CONSENT,
    NAME,
    OLD_ENOUGH,
    PHONE,
    REST,
    ROAD,
    FieldError,
    in_order,
    joined_address,
    refused_details,
    sent_details,
    wrong_details,
)
from web.pages.own import OwnRegistrations, UnexpectedAnswer, calling, is_down, refuse_unknown, retry_after
from web.pages.postcode import postcode_headers
from web.ports import Answered, Apps, AppsUnavailable
from web.visit import Answer, Done, Page, Place, Redirect, Visit

TYPED: Final = (NAME, PHONE, AGE, ROAD, REST)
CHECKED: Final = (CONSENT, OLD_ENOUGH)
FIELDS: Final = (*TYPED, *CHECKED)
YES: Final = "yes"
DONE: Final[Mapping[int, Done]] = {201: Done.REGISTERED, 202: Done.POSTPONED}
"""What an answer says has been done, by its status."""
NOTHING_DONE: Final = ("nothing was registered", "nothing was changed")
"""What a 503 says if it is certain. Whatever else fails may have registered the customer."""

_VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class RegistrationForm:
    """As it is filled in. `form_id`: made when it was first shown. `policy_version`: which the customer has read."""

    form_id: UUID
    policy_version: str
    typed: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(TYPED, ""), repr=False)
    checked: frozenset[str] = frozenset()
    is_to_be_postponed: bool = False

    @classmethod
    def read(cls, form: Mapping[str, str], in_effect: str) -> Self:
        """As the browser has sent it. Nobody consents to what has no version: then it is shown again with this one."""
        version = form.get("policyVersion", "")
        is_known = _VERSION.fullmatch(version) is not None
        return cls(
            _uuid(form.get("idempotency", "")),
            version if is_known else in_effect,
            {name: form.get(name, "") for name in TYPED},
            frozenset(name for name in CHECKED if form.get(name) == YES and (is_known or name != CONSENT)),
            form.get("postpone") == YES,
        )

    @property
    def details(self) -> dict[str, str]:
        """As the API takes them."""
        return sent_details(self.typed, joined_address(self.typed))

    @property
    def errors(self) -> list[FieldError]:
        """What is wrong, as far as can be known here."""
        unchecked = [FieldError(name, f"wrong.{name}.missing") for name in CHECKED if name not in self.checked]
        no_road = [FieldError(ROAD, f"wrong.{ADDRESS}.missing")] if not self.typed[ROAD].strip() else []
        wrong = [_of_form(each) for each in wrong_details(self.details, (NAME, PHONE, AGE))]
        return in_order([*no_road, *wrong, *unchecked], FIELDS)

    @property
    def idempotency_key(self) -> str:
        """The same for the same form with the same details, however often it is sent.

        With other details it is another request, which the API would refuse under the same key.
        """
        return str(uuid5(self.form_id, json.dumps(self.details, sort_keys=True)))

    @property
    def headers(self) -> dict[str, str]:
        """Of the request to the API."""
        postponing = {"Prefer": "respond-async"} if self.is_to_be_postponed else {}
        return {"Idempotency-Key": self.idempotency_key, **postponing}

    @property
    def body(self) -> dict[str, object]:
        """Of the request to the API. It comes only here with the boxes checked."""
        consent = {"policyVersion": self.policy_version, "items": [ConsentItem.COLLECTION.value]}
        return {**self.details, "consent": consent}


@dataclass(frozen=True)
class Register:
    """`policy_version`: the one that is in effect. `minimum_age`: below it the API refuses.

    `postcode`: the address of Kakao's script that searches for addresses; empty: people type them.
    """

    apps: Apps
    policy_version: Callable[[], str]
    minimum_age: int
    postcode: str = ""
    new_id: Callable[[], UUID] = uuid4

    async def ask(self, visit: Visit) -> Answer:
        """GET /my/registration: an empty form. Whoever has a registration goes to it."""
        if await OwnRegistrations(self.apps).found(visit):
            return Redirect(Place.MY)
        return self._page(RegistrationForm(self.new_id(), self.policy_version()))

    async def send(self, visit: Visit) -> Answer:
        """POST /my/registration.

        The first try is not postponed, because most people would rather know at once. Whoever cannot be registered now
        is offered that.
        """
        form = RegistrationForm.read(visit.form, self.policy_version())
        if errors := form.errors:
            return self._page(form, errors, 422)
        try:
            return self._after(
                form, await self.apps.send(calling(visit), "POST", "/customers", form.body, form.headers)
            )
        except AppsUnavailable:
            return self._later(form, "unknown")
        except UnexpectedAnswer as error:
            error.page = self._page(form, notice="failed")
            raise

    def _after(self, form: RegistrationForm, answered: Answered) -> Answer:
        refuse_unknown(answered)
        if is_down(answered):
            is_certain = any(text in str(answered.body.get("detail", "")) for text in NOTHING_DONE)
            return self._later(form, "not-now" if is_certain else "unknown", answered)
        if answered.status in DONE:
            return Redirect(Place.MY, DONE[answered.status])
        if answered.problem == "already-registered":
            return Redirect(Place.MY)
        return self._refused(form, answered)

    def _refused(self, form: RegistrationForm, answered: Answered) -> Answer:
        match answered.problem:
            case "registration-ended" | "idempotency-key-reused":
                return self._page(self._anew(form), notice="ended", status=409)
            case "kakao-refused":
                return self._page(self._anew(form), [FieldError(PHONE, f"wrong.{PHONE}.refused")], 422)
            case "too-young":
                return self._page(form, [FieldError(AGE, f"wrong.{AGE}.too-young")], 422)
            case "invalid-values":
                return self._corrected(form, refused_details(answered))
        raise UnexpectedAnswer(answered)

    def _corrected(self, form: RegistrationForm, errors: Sequence[FieldError]) -> Answer:
        if any(error.field.startswith(CONSENT) for error in errors):
            # Nobody can have read such a version: they have to read the one in effect.
            form = replace(form, policy_version=self.policy_version(), checked=form.checked - {CONSENT})
            errors = [*errors, FieldError(CONSENT, f"wrong.{CONSENT}.policy")]
        shown = in_order((_of_form(each) for each in errors), FIELDS)
        return self._page(form, shown, 422, notice="" if shown else "refused")

    def _anew(self, form: RegistrationForm) -> RegistrationForm:
        """The form of another attempt: nothing becomes of the one before."""
        return replace(form, form_id=self.new_id(), is_to_be_postponed=False)

    def _later(self, form: RegistrationForm, notice: str, answered: Answered | None = None) -> Answer:
        page = self._page(form, notice=notice, status=503)
        return replace(page, headers={**page.headers, **retry_after(answered)})

    def _page(
        self, form: RegistrationForm, errors: Sequence[FieldError] = (), status: int = 200, notice: str = ""
    ) -> Page:
        """`notice`: of its words, `register.<notice>`."""
        values = {"form": form, "errors": errors, "notice": notice, "minimum_age": self.minimum_age}
        return Page("register.html", {**values, "postcode": self.postcode}, status, postcode_headers(self.postcode))


def _of_form(error: FieldError) -> FieldError:
    """The form has two fields for the address; what is wrong with it is said at the first."""
    return replace(error, field=ROAD) if error.field == ADDRESS else error


def _uuid(text: str) -> UUID:
    """That of the form, or any other if somebody has changed it."""
    try:
        return UUID(text)
    except ValueError:
        return uuid4()
