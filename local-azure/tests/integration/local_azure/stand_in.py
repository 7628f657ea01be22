"""A service for tests of the supervisor: `python stand_in.py BEHAVIOUR JOURNAL NAME`.

Appends `NAME started` and `NAME ended` to the file JOURNAL.
"""

import signal
import sys
import time
from pathlib import Path


def main() -> None:
    behaviour, journal, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]

    def note(what: str) -> None:
        with journal.open("a") as file:
            file.write(f"{name} {what}\n")

    def end(*_: object) -> None:
        note("ended")
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "stubborn" else end)
    note("started")
    if behaviour == "wrong":
        sys.stderr.write("port 1 is taken\n")
        sys.exit(2)
    if behaviour != "silent":
        sys.stdout.write("loading\nready http://127.0.0.1:1\n")
        sys.stdout.flush()
    if behaviour == "brief" and journal.read_text().count("started") < 4:
        sys.exit(1)
    if behaviour == "chatty":
        for _ in range(1000):
            sys.stdout.write("x" * 999 + "\n")
            sys.stdout.flush()
        note("has printed 1000000 bytes")
        while True:
            print("more", flush=True)  # noqa: T201 it is the output of a service
            time.sleep(0.05)
    time.sleep(60)


main()
