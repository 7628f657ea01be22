"""The start page: what the service is, and where to sign in."""

from web.visit import Answer, Page, Visit


async def show_start(visit: Visit) -> Answer:
    return Page("start.html", {"done": visit.done})
