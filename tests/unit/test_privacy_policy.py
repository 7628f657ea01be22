"""The privacy policy is complete: what the law asks for, in one tone, with nothing left open but the operator's own."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.privacy_policy import ACCESS_RECORDS_KEPT, AGE_OF_CONSENT, CANCELED_VIEWS_KEPT, MESSAGES_KEPT
from tools.paths import ROOT

POLICIES = sorted((ROOT / "shared" / "privacy").glob("*.ko.md"))
LISTED = ROOT / "docs" / "privacy-policy.md"
# 개인정보 보호법 제30조제1항, 시행령 제31조제1항 (in force since 11 September 2026), as the headings of a policy.
HEADINGS = [
    "개인정보의 처리 목적",
    "처리하는 개인정보의 항목",
    "개인정보의 처리 및 보유 기간",
    "개인정보의 파기 절차 및 방법",
    "개인정보의 제3자 제공",
    "개인정보 처리업무의 위탁",
    "개인정보의 국외 이전",
    "정보주체와 법정대리인의 권리·의무 및 그 행사 방법",
    "개인정보를 자동으로 수집하는 장치의 설치·운영 및 그 거부",
    "개인정보의 안전성 확보 조치",
    "개인정보 보호책임자와 고충 처리 부서",
    "권익침해에 대한 구제 방법",
    "개인정보 처리방침의 변경",
]

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)


def settings_listed() -> set[str]:
    return set(re.findall(r"^\| `(PRIVACY_[A-Z_]+)` \|", LISTED.read_text(encoding="utf-8"), re.M))


def test_there_is_a_policy() -> None:
    assert POLICIES


@every_policy
def test_a_policy_has_everything_that_the_law_asks_for_in_numbered_articles(policy: Path) -> None:
    text = policy.read_text(encoding="utf-8")
    articles = re.findall(r"^## 제([0-9]+)조 \((.+)\)$", text, re.M)

    assert text.startswith("# 개인정보 처리방침\n")
    assert articles == [(str(number), heading) for number, heading in enumerate(HEADINGS, 1)]
    referred = {int(number) for number in re.findall(r"(?<!」 )제([0-9]+)조의 ", text)}
    assert referred
    assert referred <= set(range(1, len(HEADINGS) + 1))


@every_policy
def test_its_version_is_the_day_on_which_it_takes_effect(policy: Path) -> None:
    text = policy.read_text(encoding="utf-8")
    version = policy.name.removesuffix(".ko.md")
    year, month, day = (int(part) for part in version.split("-"))

    assert f"- 시행일: {year}년 {month}월 {day}일\n- 버전: {version}\n" in text
    assert f"이 처리방침은 {year}년 {month}월 {day}일부터 적용됩니다." in text


@every_policy
def test_only_the_listed_settings_are_left_open(policy: Path) -> None:
    text = policy.read_text(encoding="utf-8")

    assert set(re.findall(r"\{([^}]*)\}", text)) == settings_listed()
    filled = text.format_map(dict.fromkeys(settings_listed(), "x"))
    assert not re.search(r"[{}<>\[\]]|TODO|○|OO", filled)


@every_policy
def test_every_item_is_marked_as_required_or_optional(policy: Path) -> None:
    """Kakao's review of the phone number asks for it."""
    text = policy.read_text(encoding="utf-8")
    [items] = re.findall(r"^### 가\..*?(?=^###)", text, re.M | re.S)

    rows = [row for row in items.splitlines() if row.startswith("| (")]
    assert [row.split("|")[2].strip() for row in rows] == ["이름", "휴대전화번호", "주소", "나이"]
    assert all(row.startswith(("| (필수) |", "| (선택) |")) for row in rows)


@every_policy
def test_it_is_written_in_one_tone(policy: Path) -> None:
    text = re.sub(r"\s+", " ", policy.read_text(encoding="utf-8"))
    endings = re.findall(r"[가-힣]{2}(?=\.(?: |$))", text)

    assert endings
    assert {ending for ending in endings if not ending.endswith("니다")} <= {"까지"}


@every_policy
def test_nothing_may_be_kept_longer_than_it_says(policy: Path) -> None:
    """The settings must not exceed these limits."""
    text = policy.read_text(encoding="utf-8")
    [articles] = re.findall(r"^## 제3조.*?(?=^## )", text, re.M | re.S)

    periods = re.findall(r"^\| .+ \| (.+날부터 ([0-9]+)(일|년)) \|$", articles, re.M)
    promised = {kept: timedelta(days=int(number) * (365 if unit == "년" else 1)) for kept, number, unit in periods}
    assert promised == {
        "발송한 날부터 1년": MESSAGES_KEPT,
        "취소한 날부터 30일": CANCELED_VIEWS_KEPT,
        "접속한 날부터 400일": ACCESS_RECORDS_KEPT,
    }
    assert {int(age) for age in re.findall(r"만 ([0-9]+)세 미만", text)} == {AGE_OF_CONSENT}


def test_backups_are_gone_when_the_newest_policy_says() -> None:
    text = POLICIES[-1].read_text(encoding="utf-8")
    tiers = re.findall(r"backup: 'Continuous([0-9]+)Days'", (ROOT / "infra/bicep/sizes.bicep").read_text("utf-8"))

    [promised] = re.findall(r"\| 데이터베이스 백업 \| 백업한 때부터 ([0-9]+)일 \|", text)
    assert int(promised) == max(int(days) for days in tiers)
