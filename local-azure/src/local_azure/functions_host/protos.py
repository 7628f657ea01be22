"""Stand-ins for the protobuf messages that the worker library builds while it indexes an app.

The host passes the message classes to the library, which calls their constructors with keywords and reads their
attributes: plain objects suffice. Their names are those of the Functions RPC protocol.
"""

from types import SimpleNamespace


class Message(SimpleNamespace):
    """A message with its constructor's keywords as attributes."""


class StatusResult(Message):
    Success = "Success"
    Failure = "Failure"


class BindingInfo(Message):
    """The library compares the directions with the numbers of azure.functions.BindingDirection."""

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
