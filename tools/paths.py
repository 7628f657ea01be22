"""Where things are in this project."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCAL_AZURE_SETTINGS = ROOT / "local-azure.toml"
