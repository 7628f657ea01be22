from pathlib import Path

import pytest

from local_azure.configuration import Configuration, ConfigurationError

RENAMED = "[gateway.renamed_headers]\n"
ROUTED = '[apps.one]\nport = 1\n[gateway.routes]\n"/a" = "one"\n[gateway.concurrency]\n'


def load(tmp_path: Path, content: str) -> Configuration:
    file = tmp_path / "local-azure.toml"
    file.write_text(content)
    return Configuration.load(file)


def test_only_named_sections_run(tmp_path: Path) -> None:
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
        ("[gateway]\ntimeout_seconds = 0", "gateway.timeout_seconds"),
        ("[gateway]\nretry_seconds = -1", "gateway.retry_seconds"),
        (f'{ROUTED}"/a" = 0', "gateway.concurrency./a"),
        (f'{ROUTED}"/b" = 1', "'/b'"),
        (f'{ROUTED}"post /a" = 1', "'post /a'"),
        (f'{ROUTED}"POST /a/b" = 1', "'POST /a/b'"),
        (f'{RENAMED}"a b" = "c"', "gateway.renamed_headers.a b"),
        (f'{RENAMED}"a" = "c\\r\\n"', "gateway.renamed_headers.a"),
        (f'{RENAMED}"a" = "A"', "a is named more than once"),
        (f'{RENAMED}"a" = "c"\n"b" = "C"', "c is named more than once"),
        (f'{RENAMED}"a" = "b"\n"b" = "c"', "b is named more than once"),
        (f'{RENAMED}"Host" = "b"', "the gateway sets or drops it"),
        (f'{RENAMED}"a" = "X-Forwarded-For"', "the gateway sets or drops it"),
        ("[cosmos]\nprot = 1", "cosmos.prot"),
        ("[[cosmos.containers]]", "cosmos.containers"),
        ("[apps.one]", "apps.one.port"),
        ("[processes.idp]\nport = 1", "processes.idp.command"),
        ("[processes.idp]\nport = 1\ncommand = []", "processes.idp.command"),
        ('[processes.idp]\nport = 1\ncommand = "python"', "processes.idp.command"),
        ('[processes.idp]\ncommand = ["a"]', "processes.idp.port"),
        ('[processes.idp]\nport = 1\ncommand = ["a"]\nfolder = "b"', "processes.idp.folder"),
        ('[processes.idp]\nport = 1\ncommand = ["a"]\nhealth = "ready"', "processes.idp.health"),
        ('[processes.idp]\nport = 1\ncommand = ["a"]\nhealth = "/a b"', "processes.idp.health"),
        ('[processes.idp]\nport = 1\ncommand = ["a"]\nwhen = {}', "processes.idp.when"),
        ('[[welcome.instead]]\ntext = "a"', "welcome.instead.0.when"),
        ('[processes.my-idp]\nport = 1\ncommand = ["a"]', "processes.my-idp"),
        ('[gateway.routes]\n"/a" = "none"', "'none'"),
        ("[apps.one]\nport = 1\nwhen = {}", "apps.one.when"),
        ('[gateway.rewrites]\n"a" = "/b"', "gateway.rewrites.a"),
        ('[gateway.rewrites]\n"/a" = "/b?c"', "gateway.rewrites./a"),
        ('[gateway.rewrites]\n"/" = "/start"', "/ becomes '/start', which no prefix"),
        ("[", "not valid TOML"),
    ],
)
def test_an_invalid_setting_is_named(tmp_path: Path, content: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, content)

    assert named in str(caught.value)


def test_the_gateway_waits_as_long_as_api_management_by_default(tmp_path: Path) -> None:
    configuration = load(tmp_path, "[gateway]\n")

    assert configuration.gateway is not None
    assert configuration.gateway.timeout_seconds == 30


def test_requests_in_progress_are_limited_by_route_or_by_method_and_route(tmp_path: Path) -> None:
    configuration = load(tmp_path, f'{ROUTED}"/a" = 2\n"POST /a" = 1')

    assert configuration.gateway is not None
    assert configuration.gateway.concurrency == {"/a": 2, "POST /a": 1}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        Configuration.load(tmp_path / "nowhere.toml")


PARTS = """
[cosmos]
[gateway.routes]
"/a" = "one"
"/b" = "two"
[apps.one]
port = 1
[apps.two]
port = 2
[processes.idp]
port = 3
command = ["{python}"]
"""


def test_the_emulators_come_first_and_the_gateway_last(tmp_path: Path) -> None:
    assert load(tmp_path, PARTS).services == ["cosmos", "idp", "one", "two", "gateway"]


@pytest.mark.parametrize(
    ("only", "services"),
    [
        ((), ["cosmos", "idp", "one", "two", "gateway"]),
        (("cosmos",), ["cosmos"]),
        (("two", "idp"), ["idp", "two"]),
        (("two",), ["two"]),
        (("gateway", "two", "one"), ["one", "two", "gateway"]),
    ],
)
def test_only_the_selected_services_are_kept(tmp_path: Path, only: tuple[str, ...], services: list[str]) -> None:
    assert load(tmp_path, PARTS).restricted_to(only).services == services


def test_an_unknown_service_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no service .cosmo.; choose from: cosmos, idp, one, two, gateway"):
        load(tmp_path, PARTS).restricted_to(("cosmo",))


def test_a_gateway_without_an_app_of_its_routes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gateway's routes lead to two"):
        load(tmp_path, PARTS).restricted_to(("one", "gateway"))


CALLER, AUDIENCE = "0A000000-0000-4000-8000-00000000000C", "api://called"


def test_an_app_may_have_an_identity_and_verify_who_calls(tmp_path: Path) -> None:
    app = f'[apps.one]\nport = 1\nidentity = "{CALLER}"\nauthentication = {{ audience = "{AUDIENCE}" }}'

    configuration = load(tmp_path, app)

    one = configuration.apps["one"]
    assert str(one.identity) == CALLER.lower()
    assert one.authentication is not None
    assert one.authentication.audience == AUDIENCE
    assert one.authentication.anonymous
    assert configuration.has_identities
    assert configuration.services == ["one"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('identity = "me"', "apps.one.identity"),
        ("authentication = {}", "apps.one.authentication.audience"),
        ('authentication = { audience = "" }', "apps.one.authentication.audience"),
        ('authentication = { audience = "a", callers = [] }', "apps.one.authentication.callers"),
    ],
)
def test_a_wrong_identity_or_authentication_is_named(tmp_path: Path, line: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load(tmp_path, f"[apps.one]\nport = 1\n{line}")


CONDITIONAL = """
[processes.idp]
port = 3
command = ["{python}"]
when = { SIGN_IN = "on", MODE = "real" }
[welcome]
text = "Try:"
[[welcome.instead]]
when = { SIGN_IN = "on" }
text = "Sign in:"
[[welcome.instead]]
when = { MODE = "real" }
text = "Really:"
"""


@pytest.mark.parametrize(
    ("settings", "only", "processes", "text"),
    [
        ({}, (), [], "Try:"),
        ({"SIGN_IN": "off", "MODE": "real"}, (), [], "Really:"),
        ({"SIGN_IN": "on"}, (), [], "Sign in:"),
        ({"SIGN_IN": "on", "MODE": "real", "ELSE": ""}, (), ["idp"], "Sign in:"),
        ({}, ("idp",), ["idp"], "Try:"),
    ],
)
def test_some_of_it_is_for_runs_with_certain_settings(
    tmp_path: Path, settings: dict[str, str], only: tuple[str, ...], processes: list[str], text: str
) -> None:
    configuration = load(tmp_path, CONDITIONAL)

    assert configuration.for_run(settings, only).services == processes
    assert configuration.welcome.chosen(settings).text == text


WITH_A_PAGE = """
[gateway.routes]
"/a" = "one"
"/start" = "page"
"/" = "page"
[gateway.rewrites]
"/" = "/start"
"/first" = "/a/1"
[gateway.concurrency]
"/a" = 1
"POST /start" = 2
[apps.one]
port = 1
[apps.page]
port = 2
when = { PAGE = "on" }
"""


@pytest.mark.parametrize(
    ("settings", "only", "services"),
    [
        ({}, (), ["one", "gateway"]),
        ({"PAGE": "on"}, (), ["one", "page", "gateway"]),
        ({}, ("page",), ["page"]),
        ({}, ("one", "gateway"), ["one", "gateway"]),
        ({"PAGE": "on"}, ("one", "gateway"), ["one", "gateway"]),
    ],
)
def test_an_app_may_run_with_certain_settings_only(
    tmp_path: Path, settings: dict[str, str], only: tuple[str, ...], services: list[str]
) -> None:
    assert load(tmp_path, WITH_A_PAGE).restricted_to(only).for_run(settings, only).services == services


def test_without_such_an_app_the_gateway_has_nothing_that_leads_to_it(tmp_path: Path) -> None:
    configuration = load(tmp_path, WITH_A_PAGE)

    whole, left = configuration.gateway_to(["one", "page"]), configuration.gateway_to(["one"])

    assert whole == configuration.gateway
    assert (left.routes, left.rewrites, left.concurrency) == ({"/a": "one"}, {"/first": "/a/1"}, {"/a": 1})
    with pytest.raises(ConfigurationError, match="/a goes to 'one'"):
        configuration.gateway_to(["page"])
