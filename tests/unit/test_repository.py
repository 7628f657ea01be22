"""Nothing at the root is unexplained, there is one set of checks, and files have the same bytes everywhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
MOST_ENTRIES = 24
# Hosts of packages, and settings that name one. The whole text of every file is searched, this one included.
DOWNLOAD_ADDRESS = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|yarnpkg\.com|cdnjs\.|jsdelivr\.net|unpkg\.com|deb\.debian\.org"
    r"|(?:proxy|sum)\.golang\.org"
    r"|https?://\S+\.(?:whl|tgz|tar\.gz)\b"
    r'|"[r]esolved":|--(?:extra-)?[i]ndex-url|--[f]ind-links'
)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def git(*arguments: str) -> list[str]:
    command = ["git", "-c", "core.quotepath=off", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 constants
    return finished.stdout.splitlines()


def section(document: str, heading: str) -> str:
    """The text between a heading and the next."""
    [_, after] = re.split(rf"^#+ {re.escape(heading)}$", read(document), flags=re.MULTILINE)
    return re.split(r"^#+ ", after, maxsplit=1, flags=re.MULTILINE)[0]


def targets() -> set[str]:
    return set(re.findall(r"^([\w./-]+):(?!=)", read("Makefile"), re.MULTILINE))


def test_what_lies_at_the_root_is_explained_and_fits_a_screen() -> None:
    entries = {path.partition("/")[0] + "/" * ("/" in path) for path in git("ls-files") if not path.startswith(".")}
    rows = [line for line in section("CONTRIBUTING.md", "What is at the root").splitlines() if line.startswith("| `")]
    explained = re.findall(r"`([^`]+)`", " ".join(row.split("|")[1] for row in rows))

    assert sorted(explained) == sorted(entries)
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`(?:\w+=\S+ )?make ([\w./-]+)", read(document)))

    assert named
    assert named <= targets()


def test_a_commit_is_checked_by_what_make_check_runs() -> None:
    [checks] = re.findall(r"^CHECKS := (.*)$", read("Makefile"), re.MULTILINE)
    [repository] = YAML(typ="safe").load(read(".pre-commit-config.yaml"))["repos"]

    assert [hook["entry"] for hook in repository["hooks"]] == [f"make {check}" for check in checks.split()]
    for hook in repository["hooks"]:
        assert (hook["pass_filenames"], hook["always_run"]) == (False, True)
    assert re.search(r"^check: \$\(CHECKS\) ##.*\n\n", read("Makefile"), re.MULTILINE), "it has no commands of its own"


def test_every_text_file_has_the_same_line_endings_on_every_machine() -> None:
    # "i/lf    w/lf    attr/text=auto eol=lf   <tab> path"
    described = [line.partition("\t")[0].split() for line in git("ls-files", "--eol")]

    assert described
    for index, tree, *attributes in described:
        assert (index, tree) in {("i/lf", "w/lf"), ("i/none", "w/none"), ("i/-text", "w/-text")}
        assert " ".join(attributes) in {"attr/text=auto eol=lf", "attr/-text"}


def test_no_file_names_an_address_to_download_packages_from() -> None:
    found = []
    for path in filter(lambda path: (ROOT / path).is_file(), git("ls-files")):
        for number, line in enumerate((ROOT / path).read_bytes().decode(errors="replace").splitlines(), 1):
            if DOWNLOAD_ADDRESS.search(line):
                found.append(f"{path}:{number}")

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "https://{}/simple/".format("pypi" + ".org"),
        '"{}": "https://{}/azurite/-/azurite-1{}"'.format("resolv" + "ed", "registry" + ".npmjs.org", ".tgz"),
        "https://example.com/tool-1.0-py3-none-any" + ".whl",
        "pip install --{} https://example.com".format("index" + "-url"),
    ],
)
def test_such_an_address_is_found(line: str) -> None:
    assert DOWNLOAD_ADDRESS.search(line)


def test_the_changelog_has_the_version_of_the_project() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert headings[:2] == ["Unreleased", version]
