"""What the platform calls when an instance joins a running app, before the first request."""

import azure.functions as func
from azure.functions.warmup import WarmUpContext  # azure.functions lists it in __all__, but does not import it

from shared.wiring import opening

blueprint = func.Blueprint()


@blueprint.function_name("warmup")
@blueprint.warm_up_trigger("context")
async def warm_up(context: WarmUpContext) -> None:
    """Waits for what the process began to open when it started. Azure prescribes the function's name."""
    await opening.opened()
