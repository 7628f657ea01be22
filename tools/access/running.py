"""What is done to a running system: tokens for it, and the next key of customers' tokens."""

from collections.abc import Iterable
from pathlib import Path

from local_azure.stack import NotRunningError, Stack, StackError
from tools.access.entra import operator_token
from tools.access.session_keys import MY_PAGE, SessionKeys
from tools.command_line import show, show_error
from tools.play.apps import APPS

START = "make run"


def running(state: Path) -> tuple[Stack, SessionKeys]:
    """The stack that runs, and its keys. Raises StackError, SessionsError."""
    try:
        stack = Stack(state)
    except NotRunningError as error:
        raise StackError(f"{error}; start it: {START}") from None
    if stack.settings is None:
        raise StackError(f"it runs without keys, so no token is looked at; end it, and start it with: {START}")
    return stack, SessionKeys(stack.settings.parent)


def restart(stack: Stack, apps: Iterable[str] = APPS) -> None:
    """Lets each of these apps that runs read its settings again, without a lost call."""
    for app in [app for app in apps if app in stack.services]:
        stack.restart_service(app)
        show_error(f"{app} restarted")


def carry_out(command: str, state: Path, whose: str) -> None:
    """`whose`: the token is: the customer's number or the operator's name.

    Raises StackError, SessionsError, ValueError.
    """
    stack, keys = running(state)
    match command:
        case "token":
            show(keys.token(whose))
        case "operator-token":
            show(operator_token(stack, whose))
        case "publish":
            keys.publish()
            restart(stack)
        case "sign":
            keys.sign()
            restart(stack, [MY_PAGE])
        case _:
            keys.retire()
            restart(stack)
