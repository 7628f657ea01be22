"""The pages that a person sees: one to choose who one is, and one for what is wrong with the request."""

from html import escape
from typing import Final

from stand_ins.kakao_login.people import PEOPLE, Person

# The empty icon: a browser would ask for /favicon.ico, and report that there is none.
_PAGE: Final = """<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ margin: 0; font: 1rem/1.6 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", sans-serif;
  color: #191919; background: #fff; word-break: keep-all; overflow-wrap: anywhere }}
main {{ max-width: 24rem; margin: 0 auto; padding: 1.5rem 1rem }}
h1 {{ font-size: 1.5rem; line-height: 1.3 }}
fieldset {{ margin: 1rem 0; padding: .5rem 1rem 1rem; border: 1px solid #767676; border-radius: .375rem }}
legend {{ font-weight: 600; padding: 0 .25rem }}
button, input[type=text] {{ box-sizing: border-box; width: 100%; min-height: 3rem; margin: .25rem 0; padding: .5rem;
  font: inherit; color: inherit; border: 1px solid #767676; border-radius: .375rem; background: #fff }}
button {{ cursor: pointer; background: #fee500; border-color: #191919 }}
button.other {{ background: #fff }}
label {{ display: block }}
label.choice {{ min-height: 2.75rem; display: flex; align-items: center; gap: .5rem }}
label.choice input {{ width: 1.5rem; height: 1.5rem; margin: 0 }}
:focus-visible {{ outline: 3px solid #0b57d0; outline-offset: 2px }}
.wrong {{ color: #b3261e; font-weight: 600 }}
</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""

_CHOICE: Final = """<h1>카카오 로그인 (연습용)</h1>
<p>이 컴퓨터에만 있는 연습용 화면입니다. 카카오에 연결하지 않으며 비밀번호를 묻지 않습니다.</p>
{wrong}<form method="post">
<fieldset>
<legend>누구로 로그인하시겠습니까?</legend>
{people}
<label for="number">다른 사람이라면 그 회원번호 (숫자)</label>
<input type="text" id="number" name="number" inputmode="numeric" autocomplete="off" maxlength="19"{invalid}>
</fieldset>
<label class="choice"><input type="checkbox" name="stay" value="1"> 로그인 상태 유지</label>
<button>동의하고 계속하기</button>
<button class="other" name="cancel" value="1">취소</button>
</form>"""

_WRONG_NUMBER: Final = (
    '<p class="wrong" id="wrong" role="alert">회원번호는 0으로 시작하지 않는 19자리 이하의 숫자입니다.</p>\n'
)
TITLE: Final = "카카오 로그인 (연습용)"


def choice(*, is_number_wrong: bool = False) -> str:
    """The page on which somebody chooses who to be. It is sent to its own address, with its query."""
    content = _CHOICE.format(
        wrong=_WRONG_NUMBER if is_number_wrong else "",
        people="\n".join(map(_radio, PEOPLE)),
        invalid=' aria-invalid="true" aria-describedby="wrong"' if is_number_wrong else "",
    )
    return _PAGE.format(title=f"오류: {TITLE}" if is_number_wrong else TITLE, content=content)


def _radio(person: Person) -> str:
    checked = " checked" if person is PEOPLE[0] else ""
    return (
        f'<label class="choice"><input type="radio" name="person" value="{person.number}"{checked}> '
        f"{escape(person.nickname)} ({person.number})</label>"
    )


def refusal(code: str, text: str) -> str:
    """What Kakao shows, and sends nobody back for: the service is set up wrongly."""
    content = (
        "<h1>로그인할 수 없습니다</h1>\n"
        "<p>서비스의 설정에 문제가 있습니다. 서비스 제공자에게 문의하십시오.</p>\n"
        f"<p>{escape(text)} ({escape(code)})</p>"
    )
    return _PAGE.format(title=f"오류: {TITLE} {escape(code)}", content=content)
