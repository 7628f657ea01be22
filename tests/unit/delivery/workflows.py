"""Reads the workflows of this project."""

from typing import Any

from ruamel.yaml import YAML

from tools.paths import ROOT

FOLDER = ROOT / ".github/workflows"


def read(name: str) -> Any:
    return YAML(typ="safe").load(FOLDER / name)
