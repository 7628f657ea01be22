"""Cross-origin requests (`Host.CORS` in local.settings.json). Preflights are answered before routing."""

from collections.abc import Mapping

from local_azure.functions_host.http.responses import Headers, Response

ANY_ORIGIN = "*"


class Cors:
    """`origins`: comma-separated, or `*`; empty: CORS is off."""

    def __init__(self, origins: str, *, credentials: bool = False) -> None:
        self._origins = frozenset(origin.strip().lower().rstrip("/") for origin in origins.split(",") if origin.strip())
        self._credentials = credentials

    def headers(self, request: Mapping[str, str]) -> Headers:
        """The CORS headers of the response to `request`; none if its origin is missing or not allowed."""
        origin = request.get("origin")
        if origin is None or not self._allows(origin):
            return []
        if ANY_ORIGIN in self._origins and not self._credentials:
            return [(b"access-control-allow-origin", b"*")]
        headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        return [*headers, (b"access-control-allow-credentials", b"true")] if self._credentials else headers

    def preflight(self, method: str, request: Mapping[str, str]) -> Response | None:
        """The response to a preflight request; None if it is not one."""
        if not self._origins or method != "OPTIONS" or "access-control-request-method" not in request:
            return None
        headers = self.headers(request)
        if headers:
            method = request["access-control-request-method"]
            headers.append((b"access-control-allow-methods", method.encode("latin-1")))
            if requested := request.get("access-control-request-headers"):
                headers.append((b"access-control-allow-headers", requested.encode("latin-1")))
        return Response(204, headers)

    def _allows(self, origin: str) -> bool:
        return ANY_ORIGIN in self._origins or origin.lower().rstrip("/") in self._origins
