"""Draws docs/pictures/running.svg, the picture of README: the system started in a terminal, and calls of it.

It runs the commands that it shows, on a fresh stack on free ports; the picture has the ports of local-azure.toml, as
`make run` does. Needs HTTPie.
"""

import contextlib
import io
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from local_azure.stack import Stack
from tools.access.session_keys import SessionKeys
from tools.command_line import parser
from tools.paths import LOCAL_AZURE_SETTINGS, ROOT

PICTURE = ROOT / "docs/pictures/running.svg"
COLUMNS = 106
# More than any command prints, so that nothing scrolls away.
ROWS = 300
# While services start, a spinner turns: a terminal that is quiet for so long has shown all of it.
QUIET_SECONDS = 3
CALL_SECONDS = 15
END_SECONDS = 15
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CUSTOMER = "customerName=yeon customerAddress=incheon customerAge=20"

# As rich's own, but every font is one that the reader has: no file may load one from elsewhere.
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
# Background, text, and the eight colours of a terminal, normal and bright.
THEME = TerminalTheme(
    (13, 17, 23),
    (201, 209, 217),
    [
        *((72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34)),
        *((88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)),
    ],
    [
        *((110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65)),
        *((121, 192, 255), (210, 168, 255), (86, 212, 221), (240, 246, 252)),
    ],
)
PROMPT = Style(color="green", bold=True)
TYPED = Style(bold=True)


def main() -> int:
    parser("tools.picture", __doc__).parse_args()
    if shutil.which("http") is None:
        sys.stderr.write(
            "This needs HTTPie: there is no `http` on the PATH. Install it with `uv tool install httpie`.\n"
        )
        return 1
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"Drew {PICTURE.relative_to(ROOT)}: look at it before you commit it.\n")
    return 0


def picture() -> str:
    """Plays the commands and returns their picture as SVG."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")

    def show(command: str, output: Text) -> None:
        console.print(Text.assemble(("$ ", PROMPT), (command, TYPED)))
        console.print(output, end="\n\n")

    with tempfile.TemporaryDirectory(prefix="ssak8-picture-") as folder:
        state = Path(folder)
        # What is installed or created only once is done now, so that it does not show.
        with Stack.start(LOCAL_AZURE_SETTINGS, state) as stack:
            stack.wait_for("azurite")
        with running(state) as (stack, output):
            shown = configured(stack.running.ports)
            show("make run", drawn(shown(output)))
            customers = f":{stack.port('gateway')}/customers"
            register = f"http POST {customers} {CUSTOMER}"
            answer = run(register)
            show(shown(register), drawn(shown(answer)))
            [customer_id] = set(re.findall(UUID, answer))
            cancel = f"http DELETE {customers}/{customer_id}"
            show(shown(cancel), drawn(shown(run(cancel))))
    return console.export_svg(title="ssak8", theme=THEME, code_format=SVG, unique_id="ssak8")


@contextmanager
def running(state: Path) -> Iterator[tuple[Stack, str]]:
    """What `make run` starts, on a terminal: the stack, and what was printed until all of it ran."""
    keys = SessionKeys.made_in(state / "access", "open")
    command = [sys.executable, "-m", "local_azure", "up", "--free-ports", "--settings", str(keys.settings)]
    command += ["--config", str(LOCAL_AZURE_SETTINGS), "--state", str(state)]
    with terminal(command) as output:
        printed = read(output, QUIET_SECONDS)
        yield Stack(state), printed


def run(command: str) -> str:
    """What a command prints on a terminal."""
    with terminal(shlex.split(command)) as output:
        return read(output, CALL_SECONDS)


@contextmanager
def terminal(command: list[str]) -> Iterator[int]:
    """Runs a command on a terminal of COLUMNS, until the block ends; yields the descriptor of what it prints."""
    output, its_side = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=its_side, stdout=its_side, stderr=its_side, env=environment)  # noqa: S603 commands of this file
    os.close(its_side)
    try:
        yield output
    finally:
        process.terminate()
        read(output, END_SECONDS)
        process.wait(END_SECONDS)
        os.close(output)


def read(output: int, quiet_seconds: float) -> str:
    """What is printed until the terminal is closed, or quiet for so many seconds."""
    printed = b""
    # Linux reports a closed terminal as an error.
    with contextlib.suppress(OSError):
        while select.select([output], [], [], quiet_seconds)[0] and (chunk := os.read(output, 4096)):
            printed += chunk
    return printed.decode()


def configured(ports: Mapping[str, int]) -> Callable[[str], str]:
    """A function that puts the port of local-azure.toml in place of each port in use."""
    configured = configured_ports()
    numbers = {str(number): str(configured[name]) for name, number in ports.items()}
    pattern = re.compile(rf"\b({'|'.join(numbers)})\b")
    return lambda text: pattern.sub(lambda match: numbers[match[0]], text)


def configured_ports() -> dict[str, int]:
    """The ports of local-azure.toml, by the names that a stack has for them."""
    settings = tomllib.loads(LOCAL_AZURE_SETTINGS.read_text(encoding="utf-8"))
    return {
        **{name: settings[name]["port"] for name in ("service_bus", "cosmos", "identity", "gateway")},
        **{f"azurite_{part}": settings["azurite"][f"{part}_port"] for part in ("blob", "queue", "table")},
        **{name: each["port"] for section in ("apps", "processes") for name, each in settings[section].items()},
    }


def drawn(output: str) -> Text:
    """What a terminal shows after `output`, without the empty lines at its end."""
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(screen).feed(output)
    text = Text(no_wrap=True)
    for row in range(ROWS):
        line = Text()
        characters = (screen.buffer[row][column] for column in range(COLUMNS))
        for look, alike in groupby(characters, style):
            line.append("".join(character.data for character in alike), look)
        line.rstrip()
        text.append_text(line).append("\n")
    text.rstrip()
    return text


def style(character: pyte.screens.Char) -> Style:
    return Style(color=colour(character.fg), bgcolor=colour(character.bg), bold=character.bold or None)


def colour(name: str) -> str | None:
    """rich's name of a colour of pyte; None: the terminal's own."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


if __name__ == "__main__":
    sys.exit(main())
