"""Logs on stderr: one line for each record, with time, level and invocation."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from azure_functions_runtime import invocation_id_cv

# Libraries that log every request, connection attempt or indexed function.
CHATTY = {
    "azure": logging.WARNING,
    "azure.functions": logging.CRITICAL,  # logs every failed invocation again, with the caller's data
    "azure.cosmos": logging.ERROR,
    "azure.servicebus": logging.CRITICAL,  # the listeners log each outage once
    # Repeats an error while Application Insights is unreachable; the exporters of spans and metrics log it too.
    "azure.monitor.opentelemetry.exporter._quickpulse": logging.CRITICAL,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
}
# Exporters log network errors every few seconds: without stack trace.
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
    """Drops the records that azure-cosmos logs with the root logger, which has no level of its own."""
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
    """Sets up the root logger. `log_level`: `logging.logLevel` of host.json, of which only `default` has an effect."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.addFilter(_is_wanted)
    level = logging.DEBUG if verbose else LEVELS.get(log_level.get("default", "").lower(), logging.INFO)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, minimum in CHATTY.items():
        logging.getLogger(name).setLevel(max(level, minimum))
