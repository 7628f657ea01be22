"""Style, script and picture. Their addresses change with their content, so browsers keep them for ever."""

from pathlib import PurePath
from typing import Final

import azure.functions as func

from web.rendering import MEDIA_TYPES, static_files

FOR_EVER: Final = "public, max-age=31536000, immutable"


def static_response(request: func.HttpRequest) -> func.HttpResponse:
    """The file, or 404: also under the address of an earlier version, which a cache may not take for this one."""
    digest, content = static_files().get(request.route_params["name"], ("", b""))
    if not digest or digest != request.route_params["digest"]:
        return func.HttpResponse(status_code=404, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
    media_type = MEDIA_TYPES[PurePath(request.route_params["name"]).suffix]
    return func.HttpResponse(content, headers=headers, mimetype=media_type, charset="utf-8")
