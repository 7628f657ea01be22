"""Stand-ins for the few protobuf messages the worker library builds while it indexes an app.

The library takes its message classes from the host and only ever calls their constructors with keywords and reads
their attributes, so plain objects do; names are those of the Functions RPC protocol, which the library looks up.
"""

from types import SimpleNamespace


class Message(SimpleNamespace):
    """A message: whatever it was constructed with, as attributes."""


class StatusResult(Message):
    Success = "Success"
    Failure = "Failure"


class BindingInfo(Message):
    """The directions are the numbers of BindingDirection in azure.functions, which they are compared to."""

    inout = 2
    out = 1
    undefined = 0


class RpcFunctionMetadata(Message):
    pass


class RpcRetryOptions(Message):
    pass


class RpcException(Message):
    pass


class WorkerInitResponse(Message):
    pass


class WorkerMetadata(Message):
    pass


class FunctionMetadataResponse(Message):
    pass
