"""Pages: Jinja2 templates, the words in each language, and times as people in Korea write them."""

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from web.visit import Language

FOLDER: Final = Path(__file__).parent
SEOUL: Final = ZoneInfo("Asia/Seoul")
MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Hexadecimal digits of SHA-256. A file that changes has another address, so a browser keeps each for ever.
DIGITS: Final = 16


class Words:
    """Every text that a person reads, in one language: web/words/*.toml."""

    def __init__(self, language: Language) -> None:
        self.language = language
        content = (FOLDER / "words" / f"{language}.toml").read_text(encoding="utf-8")
        self._texts = dict(_flat(tomllib.loads(content)))

    def __call__(self, name: str, /, **values: object) -> str:
        """The text of this name, such as `start.title`, with values for its `{placeholders}`. Raises KeyError."""
        return self._texts[name].format_map(values) if values else self._texts[name]

    @property
    def names(self) -> frozenset[str]:
        """All there are."""
        return frozenset(self._texts)


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value.strip()))
    return found


@cache
def words(language: Language) -> Words:
    return Words(language)


@cache
def static_files() -> Mapping[str, tuple[str, bytes]]:
    """Style, script and picture, each by its name: digest and content."""
    files = {path.name: path.read_bytes() for path in sorted((FOLDER / "static").iterdir()) if path.is_file()}
    return {name: (hashlib.sha256(content).hexdigest()[:DIGITS], content) for name, content in files.items()}


def static_path(name: str) -> str:
    """Where a browser finds one of them. Raises KeyError."""
    return f"/static/{static_files()[name][0]}/{name}"


def moment(text: str, language: Language) -> Markup:
    """A time of the API (RFC 3339, UTC) as an element: 2026. 11. 26. 오전 9:03, or 26 Nov 2026, 09:03."""
    at = datetime.fromisoformat(text).astimezone(SEOUL)
    if language is Language.KOREAN:
        half = "오전" if at.hour < 12 else "오후"
        shown = f"{at.year}.~{at.month}.~{at.day}. {half}~{at.hour % 12 or 12}:{at.minute:02}"
    else:
        shown = f"{at.day}~{at:%b~%Y, %H:%M}~(KST)"
    # A line may end after the date, and nowhere else.
    return Markup('<time datetime="{}">{}</time>').format(text, shown.replace("~", "\u00a0"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static_path
    return environment


def render(template: str, language: Language, values: Mapping[str, Any]) -> str:
    """The HTML of a page. Raises jinja2.TemplateError for a mistake in it."""
    say = words(language)
    return (
        _environment()
        .get_template(template)
        .render({"say": say, "language": language.value, "moment": lambda at: moment(at, language), **values})
    )
