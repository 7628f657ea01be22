"""Logs on stderr: one line a record, with time, level, and the invocation it belongs to."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from azure_functions_runtime import invocation_id_cv

# Libraries that tell every request, every connection attempt or every function indexed.
CHATTY = {
    "azure": logging.WARNING,
    "azure.functions": logging.CRITICAL,  # repeats every failed invocation, with what the caller sent
    "azure.cosmos": logging.ERROR,  # tells each attempt too
    "azure.servicebus": logging.CRITICAL,  # tells each connection attempt; the listeners tell each outage once
    # Repeats for as long as Application Insights is out of reach; what sends spans and metrics tells that too.
    "azure.monitor.opentelemetry.exporter._quickpulse": logging.CRITICAL,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
}
# What they tell of their troubles is the network's, every few seconds: a line says enough.
EXPORTERS = ("azure.monitor", "opentelemetry")
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}


def _is_wanted(record: logging.LogRecord) -> bool:
    """Leaves out what azure-cosmos tells through the root logger, where no level can be set for it."""
    return record.levelno > logging.INFO or record.name != "root" or "/azure/cosmos/" not in record.pathname


class OneLine(logging.Formatter):
    """`2025-01-31T12:00:00.000Z INFO name: message [invocation]`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        invocation = invocation_id_cv.get()
        suffix = f" [invocation={invocation}]" if invocation else ""
        line = f"{time} {record.levelname} {record.name}: {record.getMessage()}{suffix}"
        traced = record.exc_info and not record.name.startswith(EXPORTERS)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info and traced else line


def configure(log_level: Mapping[str, str], *, verbose: bool) -> None:
    """Sets up the root logger. `log_level` is host.json's `logging.logLevel`, of which `default` counts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.addFilter(_is_wanted)
    level = logging.DEBUG if verbose else LEVELS.get(log_level.get("default", "").lower(), logging.INFO)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in CHATTY.items():
        logging.getLogger(name).setLevel(max(level, least))
