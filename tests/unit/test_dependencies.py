"""The pinned files are what `make lock` makes of pyproject.toml: nothing is missing, left over, or too old."""

import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HERE = "local-azure"  # a folder of this checkout, and so not pinned


def group(name: str) -> Iterator[Requirement]:
    """The requirements of a dependency group, with those of the groups it includes (PEP 735)."""
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            yield Requirement(entry)
        else:
            yield from group(entry["include-group"])


def direct(file: str) -> list[Requirement]:
    own = [Requirement(entry) for entry in PROJECT["project"]["dependencies"]]
    return own if file == "requirements.txt" else [*own, *group("dev")]


def pins(file: str) -> dict[str, Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line[0] not in "#-"]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def closure(requirements: Iterable[Requirement]) -> dict[str, list[Requirement]]:
    """The requirements with all that they require on this machine: name → each requirement of it."""
    found: dict[str, list[Requirement]] = {}
    waiting = [(requirement, "") for requirement in requirements]
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append(requirement)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(line), wanted) for line in metadata.requires(name) or ()]
    return found


def differences(file: str, requirements: Iterable[Requirement]) -> list[str]:
    """What `make lock` would change."""
    pinned, wanted = pins(file), closure(requirements)
    wanted.pop(HERE, None)
    here = {name for name, pin in pinned.items() if not pin.marker or pin.marker.evaluate()}
    return [
        *(f"{name} is missing" for name in wanted.keys() - pinned.keys()),
        *(f"{name} is left over" for name in here - wanted.keys()),
        *(
            f"{pinned[name]} is not {requirement}"
            for name, requirements_of_it in wanted.items()
            for requirement in requirements_of_it
            if name in pinned and not requirement.specifier.contains(version(pinned[name]), prereleases=True)
        ),
    ]


def version(pin: Requirement) -> str:
    [specifier] = pin.specifier
    assert specifier.operator == "==", pin
    return specifier.version


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_the_pinned_files_are_those_that_make_lock_makes(file: str) -> None:
    assert differences(file, direct(file)) == [], "run `make lock`"


def test_a_difference_is_found() -> None:
    requirements = [*direct("requirements.txt"), Requirement("ruff"), Requirement("stamina>999")]
    requirements = [requirement for requirement in requirements if requirement.name != "pydantic-settings"]

    assert sorted(differences("requirements.txt", requirements)) == [
        "pydantic-settings is left over",
        "python-dotenv is left over",
        "ruff is missing",
        f"{pins('requirements.txt')['stamina']} is not stamina>999",
    ]


def test_what_runs_on_azure_is_what_is_tested_here() -> None:
    azure, laptop = pins("requirements.txt"), pins("requirements-dev.txt")

    assert {name: laptop[name] for name in azure} == azure
    for name, pin in laptop.items():
        if not pin.marker or pin.marker.evaluate():
            assert metadata.version(name) == version(pin), "run `make run`, which installs what is pinned"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "infra/requirements.txt"])
def test_no_pinned_file_names_where_to_download(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")

    assert "://" not in text
    assert {line for line in text.splitlines() if line.startswith("-")} <= {f"-e {HERE}"}


def test_the_security_rules_are_pinned() -> None:
    [wanted] = group("infra")

    assert wanted.specifier.contains(version(pins("infra/requirements.txt")[wanted.name]))
