from pathlib import Path

import pytest

from local_azure.configuration import Configuration, ConfigurationError


def load(tmp_path: Path, content: str) -> Configuration:
    file = tmp_path / "local-azure.toml"
    file.write_text(content)
    return Configuration.load(file)


def test_what_is_not_named_does_not_run(tmp_path: Path) -> None:
    configuration = load(tmp_path, "[cosmos]\n")

    assert configuration.cosmos is not None
    assert configuration.service_bus is None
    assert configuration.azurite is None
    assert configuration.gateway is None
    assert configuration.folder == tmp_path


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[cosmos]\nport = 70000", "cosmos.port"),
        ("[cosmos]\nprot = 1", "cosmos.prot"),
        ("[apps.one]", "apps.one.port"),
        ('[gateway.routes]\n"/a" = "none"', "'none'"),
        ("[", "not readable as TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, content)

    assert named in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        Configuration.load(tmp_path / "nowhere.toml")
