from pathlib import Path

import pytest

from shared.adapters.privacy_policies import read_policy_texts


def test_every_version_in_korean_is_read_and_nothing_else(tmp_path: Path) -> None:
    for name in ("2026-12-01.ko.md", "2027-03-01.ko.md", "2026-12-01.en.md", "draft.ko.md", "notes.txt"):
        (tmp_path / name).write_text(f"문서 {name}", encoding="utf-8")

    assert read_policy_texts(tmp_path) == {
        "2026-12-01": "문서 2026-12-01.ko.md",
        "2027-03-01": "문서 2027-03-01.ko.md",
    }


def test_a_package_without_a_policy_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no privacy policy"):
        read_policy_texts(tmp_path)
