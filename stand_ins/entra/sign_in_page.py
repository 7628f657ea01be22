"""The page on which a person is chosen: HTML that needs no script."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

PEOPLE: Final = ("yeon", "hana", "min")
ROLE: Final = "Operator"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_STYLE: Final = """
body { max-width: 34rem; margin: 0 auto; padding: 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #1a1a1a;
  background: #fff; word-break: keep-all; overflow-wrap: anywhere }
fieldset { margin: 1rem 0; border: 1px solid #767676 }
label { display: flex; gap: .5rem; align-items: center; min-height: 2.75rem }
button { min-height: 2.75rem; margin: 0 .5rem .5rem 0; padding: 0 1rem; font: inherit; color: #fff;
  background: #0b57a4; border: 1px solid #0b57a4 }
button[name=cancel] { color: #1a1a1a; background: #fff; border-color: #767676 }
:focus-visible { outline: 2px solid #0b57a4; outline-offset: 2px }
"""


def _page(title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


def _english(text: str) -> str:
    return f'<span lang="en">{text}</span>'


def sign_in_page(parameters: Mapping[str, str]) -> str:
    """The page that asks who it is. `parameters`: those of the request, which the form sends again."""
    hidden = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    people = "\n".join(_choice(name, "checked" if name == PEOPLE[0] else "") for name in PEOPLE)
    return _page(
        "로그인 – Entra ID 대역",
        f"""<h1>Entra ID 대역: 로그인</h1>
<p>이 컴퓨터에서만 쓰는 연습용 로그인입니다. 비밀번호가 없습니다.
{_english("Sign in at the stand-in for Entra ID. It runs on this computer only, and asks for no password.")}</p>
<form method="post">
{hidden}
<fieldset>
<legend>누구로 로그인합니까? {_english("Who are you?")}</legend>
{people}
</fieldset>
<label><input type="checkbox" name="role" value="{ROLE}" checked>
<span>역할 {_english(ROLE)} 있음 {_english(f"(with the role {ROLE})")}</span></label>
<p><button type="submit">로그인 {_english("Sign in")}</button>
<button type="submit" name="cancel" value="yes">취소 {_english("Cancel")}</button></p>
</form>""",
    )


def _choice(name: str, checked: str) -> str:
    return f'<label><input type="radio" name="person" value="{name}" {checked}> {_english(name)}</label>'


def refusal_page(description: Sequence[str]) -> str:
    """The page for a request that cannot be answered to the app."""
    lines = "\n".join(f'<p lang="en">{escape(each)}</p>' for each in description)
    return _page("오류 – Entra ID 대역", f"<h1>Entra ID 대역: 로그인할 수 없습니다</h1>\n{lines}")
