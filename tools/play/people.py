"""Who calls a local system on which people sign in: customers, operators, and what a customer sends."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import shared
from local_azure.stack import Stack
from shared.domain.callers import OPERATOR_ROLE
from shared.domain.consent import REQUIRED_ITEMS
from tools.access.entra import operator_token
from tools.access.session_keys import SessionKeys
from tools.paths import LOCAL_AZURE_SETTINGS
from tools.play.local_system import LocalSystem
from tools.play.system import YEON

NEWEST_POLICY: Final = max(Path(shared.__path__[0], "privacy").glob("*.ko.md")).name.removesuffix(".ko.md")
CONSENT: Mapping[str, object] = {"policyVersion": NEWEST_POLICY, "items": sorted(REQUIRED_ITEMS)}

CONSENTING: Mapping[str, object] = {**YEON, "consent": CONSENT}
"""What a customer sends to register."""


class CustomersSystem(LocalSystem):
    """Called without a token, unless by somebody: `system.customer("1").call(…)`. `keys`: those that sign tokens."""

    keys: SessionKeys

    @classmethod
    @asynccontextmanager
    async def running(cls, state: Path) -> AsyncIterator[Self]:
        """Starts a fresh stack on free ports, with keys of its own. `state`: an empty folder."""
        keys = SessionKeys.made_in(state / "access")
        async with (
            Stack.start(LOCAL_AZURE_SETTINGS, state / "stack", settings=keys.settings) as stack,
            cls.of(stack) as system,
        ):
            yield system

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator[Self]:
        """Connects to a stack that was started with settings of SessionKeys."""
        if stack.settings is None:
            raise ValueError("this stack runs without keys, so nobody can sign in")
        async with super().of(stack) as system:
            system.keys = SessionKeys(stack.settings.parent)
            yield system

    def customer(self, subject: str) -> Self:
        """The system as the customer with this number at kakao calls it."""
        return self.signed_in(self.keys.token(subject))

    def newcomer(self) -> Self:
        """The system as a customer calls it who has not registered yet."""
        return self.customer(str(uuid.uuid4()))

    async def operator(self, name: str = "hana", roles: Sequence[str] = (OPERATOR_ROLE,)) -> Self:
        """The system as the person with this name calls it, by default an operator."""
        return self.signed_in(await self.operator_token(name, roles))

    async def operator_token(self, name: str = "hana", roles: Sequence[str] = (OPERATOR_ROLE,)) -> str:
        """A token of the person with this name."""
        return await asyncio.to_thread(operator_token, self.stack, name, roles)

    async def register(self, details: Mapping[str, object] = CONSENTING) -> str:
        return await super().register(details)
