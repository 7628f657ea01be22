"""Which layer of an app a sampled stack belongs to.

A layer is found from the outside in where the purpose of a call counts (all that the Cosmos DB SDK does is its own),
and else from the innermost frame outwards.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

OTHER = "everything else"

# py-spy: `function (path:line)`.
_FRAME = re.compile(r"^(?P<function>.*) \((?P<path>[^()]*?)(?::\d+)?\)$")

# Of the SDKs: the method that the code called. Others are internal, and called by one of these.
_COSMOS_PUBLIC = "azure/cosmos/aio/_container.py"

# Where the path of a module begins: below the installed packages, the local Azure, or the folders of the apps.
_MODULE = re.compile(r"(?:.*/site-packages/|.*/local-azure/src/|.*/(?=(?:shared|functions)/|function_app\.py))")

# From the innermost frame outwards; the first that matches.
_BY_PATH = (
    ("pydantic", "pydantic"),
    ("opentelemetry/", "telemetry"),
    ("shared/telemetry.py", "telemetry"),
    ("shared/metrics.py", "telemetry"),
    ("shared/", "own code"),
    ("functions/", "own code"),
    ("function_app.py", "own code"),
    ("azure_functions_runtime/", "worker library"),
    ("azure/functions/", "worker library"),
    ("local_azure/functions_host/triggers/", "host: triggers"),
    ("local_azure/functions_host/worker.py", "host: worker"),
    ("local_azure/functions_host/http/", "host: HTTP"),
    ("local_azure/", "host: the rest"),
    ("uvicorn/", "host: HTTP"),
    ("aiohttp/", "aiohttp: answers received"),
)

# py-spy takes a thread that waits for work for a busy one now and then, and a pool has several.
_WAITS_FOR_WORK = ("_worker", "concurrent/futures/thread.py")

type Frame = tuple[str, str]
"""The function and the path of its file, from site-packages or the project on."""


def layers(stacks: str) -> dict[str, float]:
    """The share of each layer, 0 to 1, the largest first. `stacks`: py-spy's raw format."""
    return _shares(stacks, lambda frames: [layer(frames)])


def overlapping(stacks: str) -> dict[str, float]:
    """The share of what lies across layers."""
    kinds: Mapping[str, Callable[[Frame], bool]] = {
        "azure-core pipeline": lambda frame: frame[1].startswith("azure/core/"),
        "pydantic": lambda frame: frame[1].startswith("pydantic"),
        "logging": lambda frame: "logging/" in frame[1],
        "parsing times": lambda frame: "strptime" in frame[0] or "strptime" in frame[1],
        "telemetry": lambda frame: frame[1].startswith("opentelemetry/"),
        "circuit breaker": lambda frame: "circuit_breaker" in frame[1],
        "asyncio.timeout": lambda frame: frame[1].endswith("asyncio/timeouts.py"),
        "os.environ": lambda frame: frame[1].endswith("/os.py"),
    }
    return _shares(stacks, lambda frames: [name for name, holds in kinds.items() if any(map(holds, frames))])


def layer(frames: list[Frame]) -> str:
    """The layer of a stack, whose outermost frame comes first."""
    if cosmos := [frame for frame in frames if frame[1].startswith("azure/cosmos/")]:
        public = [function for function, path in cosmos if _COSMOS_PUBLIC in path]
        return f"Cosmos DB SDK: {public[0].rpartition('.')[2] if public else 'the rest'}"
    if any(path.startswith("azure/servicebus/") for _, path in frames):
        return f"Service Bus SDK: {_service_bus([function.rpartition('.')[2] for function, _ in frames])}"
    if any("kakao_client.py" in path for _, path in frames):
        return "kakao call: aiohttp" if any("aiohttp/" in path for _, path in frames) else "kakao call: the rest"
    for _, path in reversed(frames):
        for part, name in _BY_PATH:
            if path.startswith(part):
                return name
    return OTHER


def _service_bus(functions: list[str]) -> str:
    for function in functions:
        if "send" in function:
            return "send"
        if "complete" in function or "settle" in function:
            return "complete"
    return "receive"


def _shares(stacks: str, names: Callable[[list[Frame]], list[str]]) -> dict[str, float]:
    found: Counter[str] = Counter()
    total = 0
    for frames, count in _read(stacks):
        total += count
        found.update(dict.fromkeys(names(frames), count))
    return {name: count / total for name, count in found.most_common()}


def _read(stacks: str) -> Iterator[tuple[list[Frame], int]]:
    for line in stacks.splitlines():
        text, _, count = line.rpartition(" ")
        frames = [_frame(part) for part in text.split(";")]
        if count.isdigit() and not _is_waiting(*frames[-1]):
            yield frames, int(count)


def _is_waiting(function: str, path: str) -> bool:
    """Whether the thread waits for work, by its innermost frame."""
    return function == _WAITS_FOR_WORK[0] and path.endswith(_WAITS_FOR_WORK[1])


def _frame(text: str) -> Frame:
    found = _FRAME.match(text)
    return (found["function"], _MODULE.sub("", found["path"], count=1)) if found else (text, "")
