"""The function apps, and the collection that each one serves."""

from shared.resources import CUSTOMER_VIEWS, CUSTOMERS, KAKAOS
from shared.settings import Service

APPS = tuple(Service)
"""All there are on Azure, and on a laptop where people can sign in. Elsewhere there is no `web`."""

COLLECTIONS = {
    Service.CUSTOMER: CUSTOMERS,
    Service.KAKAO: KAKAOS,
    Service.CUSTOMERVIEW: CUSTOMER_VIEWS,
}
"""A collection's name is both its path at the gateway and its container in the database."""
