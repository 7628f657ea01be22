"""`python -m local_azure.identity --state .local-azure --socket FD --identity orders=OBJECT_ID`."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from uuid import UUID

from local_azure.identity.endpoint import TokenEndpoint, TokenServer
from local_azure.identity.key import private_key, secret_of
from local_azure.identity.tokens import TokenIssuer
from local_azure.listening import HOST, inherited_socket

WRONG_SETTINGS = 2


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code: 0, or 2 if there is no key."""
    options = _arguments()
    identities = dict(each.partition("=")[::2] for each in options.identity)
    try:
        issuer = TokenIssuer(private_key(options.state))
        by_secret = {secret_of(app, options.state): UUID(identity) for app, identity in identities.items()}
    except (OSError, ValueError) as error:
        sys.stderr.write(f"identity: {error}\n")
        return WRONG_SETTINGS
    server = TokenServer(inherited_socket(options.socket), TokenEndpoint(by_secret, issuer))
    for number in (signal.SIGTERM, signal.SIGINT):
        # It waits for the loop that this signal interrupts, and so needs a thread.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"ready http://{HOST}:{server.socket.getsockname()[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_azure.identity", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the folder with the key of the stack")
    parser.add_argument("--socket", type=int, required=True, metavar="FD", help="an inherited socket that listens")
    parser.add_argument(
        "--identity", action="append", default=[], metavar="APP=ID", help="the identity of an app; may be repeated"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
