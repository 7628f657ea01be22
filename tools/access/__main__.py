"""Runs the system with ACCESS=customers on this machine, and prints tokens for it.

`python -m tools.access run customers [OPTION …]`  start it, with keys of its own; the options of `local-azure up`
`python -m tools.access token SUBJECT`             print a token of the customer with this number at kakao
`python -m tools.access operator-token [NAME]`     print a token of the operator with this name
`python -m tools.access publish | sign | retire`   change the key that signs customers' tokens, in these three steps;
                                                   `publish` and `retire` restart the apps, so that they know

Tokens are valid for an hour. The keys lie in the state folder, `.local-azure`, and `make reset` deletes them.
Exit code 0: done; 1: the system does not run so, or it cannot be done; 2: something is wrong in the command.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from local_azure.stack import NotRunningError, Stack, StackError
from tools.access.entra import operator_token
from tools.access.session_keys import SessionKeys
from tools.command_line import parser, show, show_error
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.play.apps import APPS
from tools.sessions import SessionsError

FOLDER: Final = "access"
START: Final = "make run ACCESS=customers"


def run(options: list[str]) -> None:
    """Becomes `local-azure up`."""
    keys = SessionKeys.made_in(Stack.state_folder(LOCAL_AZURE_SETTINGS) / FOLDER)
    command = ["-m", "local_azure", "up", "--config", str(LOCAL_AZURE_SETTINGS), "--settings", str(keys.settings)]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, *command, *options])  # noqa: S606 this Python; Ctrl-C is then its own


def running(state: Path) -> tuple[Stack, SessionKeys]:
    """The stack that runs with ACCESS=customers, and its keys. Raises StackError."""
    try:
        stack = Stack(state)
    except NotRunningError as error:
        raise StackError(f"{error}; start it: {START}") from None
    if stack.settings is None:
        raise StackError(f"it runs with ACCESS=open, which asks nobody for a token; end it, and start it with: {START}")
    return stack, SessionKeys(stack.settings.parent)


def restart(stack: Stack) -> None:
    """Lets each app read its settings again, without a lost call."""
    for app in APPS:
        stack.restart_service(app)
        show_error(f"{app} restarted")


def _options(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    options = parser("tools.access", __doc__)
    options.add_argument("--state", type=Path, default=ROOT / ".local-azure", help="the state folder of the stack")
    commands = options.add_subparsers(dest="command", required=True)
    start = commands.add_parser("run")
    start.add_argument("access", choices=["customers"], help="`open` needs none of this: local-azure up")
    commands.add_parser("token").add_argument("subject")
    commands.add_parser("operator-token").add_argument("name", nargs="?", default="hana")
    for step in ("publish", "sign", "retire"):
        commands.add_parser(step)
    chosen, others = options.parse_known_args(arguments)
    if others and chosen.command != "run":
        options.error(f"unrecognized arguments: {' '.join(others)}")
    return chosen, others


def _carry_out(chosen: argparse.Namespace) -> None:
    stack, keys = running(chosen.state)
    match chosen.command:
        case "token":
            show(keys.token(chosen.subject))
        case "operator-token":
            show(operator_token(stack, chosen.name))
        case "publish":
            keys.publish()
            restart(stack)
        case "sign":
            keys.sign()
        case _:
            keys.retire()
            restart(stack)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    chosen, others = _options(arguments)
    try:
        if chosen.command == "run":
            run(others)
        else:
            _carry_out(chosen)
    except (SessionsError, StackError, ValueError) as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
