"""Runs the system on this machine with keys of its own, so that people can sign in, and prints tokens for it.

`python -m tools.access run open|customers [OPTION …]`  start it, with the options of `local-azure up`. With `open`, who
                                                        has not signed in may call everything; with `customers`, nothing
`python -m tools.access token SUBJECT`                  print a token of the customer with this number at kakao
`python -m tools.access operator-token [NAME]`          print a token of the operator with this name
`python -m tools.access publish | sign | retire`        replace the key that signs customers' tokens, in these three
                                                        steps; each restarts the apps that must know

Tokens are valid for an hour. The keys are in the state folder (.local-azure), and `make reset` deletes them.
For a second system: `run open --state FOLDER --free-ports`, and `--state FOLDER` before each of the other commands.
Exit code 0: done; 1: it cannot be done, for example because nothing is running; 2: the command is wrong.
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
STEPS: Final = {
    "publish": "make the next key for customers' tokens, and let every app accept it",
    "sign": "let my page sign with the next key; tokens of the previous key stay valid",
    "retire": "delete the previous key: its tokens are refused from now on",
}

type Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def run(access: str, state: Path, options: list[str]) -> None:
    """Becomes `local-azure up`, in this process: to start another one would take half a second more."""
    folder = Stack.state_folder(LOCAL_AZURE_SETTINGS, state)
    keys = SessionKeys.made_in(folder / FOLDER, access)
    os.chdir(ROOT)
    sys.argv[1:] = ["up", "--config", str(LOCAL_AZURE_SETTINGS), "--state", str(folder)]
    sys.argv += ["--settings", str(keys.settings), *options]
    local_azure.main()


def _command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _add_state(options: argparse.ArgumentParser, default: Path | str) -> None:
    options.add_argument(
        "--state", type=Path, metavar="FOLDER", default=default, help="the state folder (default: .local-azure)"
    )


def _options(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    options = parser("tools.access", __doc__)
    _add_state(options, ROOT / ".local-azure")
    commands = options.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = _command(commands, "run", "start it; Ctrl-C ends it. `local-azure up --help` has the other options")
    start.add_argument("access", choices=ACCESS, help="what who has not signed in may call: everything, or nothing")
    _add_state(start, argparse.SUPPRESS)
    token = _command(commands, "token", "print a customer's token, valid for an hour")
    token.add_argument("whose", metavar="SUBJECT", help="what kakao calls the person; each is somebody else")
    operator = _command(commands, "operator-token", "print an operator's token, valid until the system ends")
    operator.add_argument("whose", metavar="NAME", nargs="?", default="hana", help="the operator (default: hana)")
    for step, text in STEPS.items():
        _command(commands, step, text).set_defaults(whose="")
    chosen, others = options.parse_known_args(arguments)
    if others and chosen.command != "run":
        options.error(f"unrecognized arguments: {' '.join(others)}")
    return chosen, others


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns its exit code."""
    chosen, others = _options(arguments)
    try:
        if chosen.command == "run":
            run(chosen.access, chosen.state, others)
        else:
            from tools.access.running import carry_out  # noqa: PLC0415 the system starts sooner without it

            carry_out(chosen.command, chosen.state, chosen.whose)
    except (SessionsError, StackError, ValueError) as error:
        show_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
