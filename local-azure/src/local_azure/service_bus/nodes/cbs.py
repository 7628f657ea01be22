"""The `$cbs` node for tokens (claims-based security). It accepts any token: there is nothing to protect here."""

from local_azure.service_bus.amqp.incoming import Delivery
from local_azure.service_bus.amqp.types import Int
from local_azure.service_bus.message import write_response
from local_azure.service_bus.nodes.errors import raised_as_amqp_errors
from local_azure.service_bus.nodes.request_response import accept, respond

ADDRESS = "$cbs"


class CbsNode:
    @raised_as_amqp_errors()
    def on_delivery(self, delivery: Delivery) -> None:
        request = accept(delivery)
        supported = request.operation == "put-token"
        status, description = (202, "Accepted") if supported else (400, f"Unknown operation {request.operation!r}.")
        properties = {"status-code": Int(status), "status-description": description}
        respond(delivery.link, request, write_response(request.message_id, properties, None))

    def on_detached(self) -> None:
        pass
