"""Runs the system on this machine with keys of its own, so that people can sign in, and prints tokens for it.

`python -m tools.access run open|customers [OPTION …]`  start it; the options of `local-azure up`. `open`: who has not
                                                        signed in may call everything; `customers`: nothing
`python -m tools.access token SUBJECT`                  print a token of the customer with this number at kakao
`python -m tools.access operator-token [NAME]`          print a token of the operator with this name
`python -m tools.access publish | sign | retire`        change the key that signs customers' tokens, in these three
                                                        steps; they restart the apps that have to know

Tokens are valid for an hour. The keys lie in the state folder, `.local-azure`, and `make reset` deletes them.
Exit code 0: done; 1: the system does not run so, or it cannot be done; 2: something is wrong in the command.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from local_azure import command_line as local_azure
from local_azure.stack import Stack, StackError
from tools.access.session_keys import ACCESS, SessionKeys
from tools.command_line import parser, show_error
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT
from tools.sessions import SessionsError

FOLDER: Final = "access"


def run(access: str, options: list[str]) -> None:
    """Becomes `local-azure up`, in this process: to start another one would take half a second more."""
    keys = SessionKeys.made_in(Stack.state_folder(LOCAL_AZURE_SETTINGS) / FOLDER, access)
    os.chdir(ROOT)
    sys.argv[1:] = ["up", "--config", str(LOCAL_AZURE_SETTINGS), "--settings", str(keys.settings), *options]
    local_azure.main()


def _options(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    options = parser("tools.access", __doc__)
    options.add_argument("--state", type=Path, default=ROOT / ".local-azure", help="the state folder of the stack")
    commands = options.add_subparsers(dest="command", required=True)
    commands.add_parser("run").add_argument("access", choices=ACCESS)
    commands.add_parser("token").add_argument("whose", metavar="SUBJECT")
    commands.add_parser("operator-token").add_argument("whose", metavar="NAME", nargs="?", default="hana")
    for step in ("publish", "sign", "retire"):
        commands.add_parser(step).set_defaults(whose="")
    chosen, others = options.parse_known_args(arguments)
    if others and chosen.command != "run":
        options.error(f"unrecognized arguments: {' '.join(others)}")
    return chosen, others


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    chosen, others = _options(arguments)
    try:
        if chosen.command == "run":
            run(chosen.access, others)
        else:
            from tools.access.running import carry_out  # noqa: PLC0415 the system starts sooner without it

            carry_out(chosen.command, chosen.state, chosen.whose)
    except (SessionsError, StackError, ValueError) as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
