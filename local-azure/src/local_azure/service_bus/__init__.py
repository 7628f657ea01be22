"""A Service Bus namespace on this machine: an AMQP 1.0 server for the unmodified Azure SDKs, stored in SQLite."""

from local_azure.service_bus.server import ServiceBusEmulator

__all__ = ["ServiceBusEmulator"]
