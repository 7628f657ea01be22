import re
import shlex
import sys

from rich.style import Style

from tools import picture
from tools.paths import ROOT


def test_it_shows_what_a_terminal_shows_in_the_end() -> None:
    spinner = "\x1b[32m⠋\x1b[0m\r\x1b[2K"

    text = picture.drawn(f"{spinner}kakao \x1b[32mready\x1b[0m\r\n{spinner}\r\n")

    assert text.plain == "kakao ready"
    assert [text.plain[span.start : span.end] for span in text.spans if span.style == Style(color="green")] == ["ready"]


def test_it_shows_the_ports_of_the_settings_file() -> None:
    configured = picture.configured_ports()
    shown = picture.configured({"gateway": 20001, "kakao": 20002})

    assert shown("gateway 20001, kakao 20002, other 200011") == (
        f"gateway {configured['gateway']}, kakao {configured['kakao']}, other 200011"
    )


def test_it_shows_the_output_of_a_command_on_a_terminal() -> None:
    command = shlex.join([sys.executable, "-c", "import sys; print(sys.stdout.isatty())"])

    assert picture.run(command) == "True\r\n"


def test_the_picture_is_complete_in_itself() -> None:
    svg = picture.PICTURE.read_text(encoding="utf-8")

    assert "make run" in svg.replace("&#160;", " ")
    assert not re.search(r"@font-face|@import|<image|<script|href=|url\((?!#)", svg)
    assert str(ROOT) not in svg
