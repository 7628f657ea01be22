"""The database, and what reads and writes it."""

from functools import cache

from shared.adapters.access_records import CosmosAccessRecords
from shared.adapters.cancellations import CosmosCancellations
from shared.adapters.claims import CosmosClaims
from shared.adapters.cosmos import CosmosDatabase
from shared.adapters.customer_views import CosmosCustomerViews
from shared.adapters.customers import CosmosCustomers
from shared.adapters.kakao_messages import CosmosKakaoMessages
from shared.adapters.own import CosmosOwnDocuments
from shared.adapters.registrations import CosmosRegistrations
from shared.adapters.reservations import CosmosReservations
from shared.resources import CUSTOMERS
from shared.settings import settings


@cache
def database() -> CosmosDatabase:
    return CosmosDatabase(settings())


@cache
def customers() -> CosmosCustomers:
    return CosmosCustomers(database(), settings())


@cache
def registrations() -> CosmosRegistrations:
    return CosmosRegistrations(database(), settings())


@cache
def customer_keys() -> CosmosReservations:
    return CosmosReservations(database(), CUSTOMERS, settings())


@cache
def claims() -> CosmosClaims:
    return CosmosClaims(database(), settings())


@cache
def kakao_messages() -> CosmosKakaoMessages:
    return CosmosKakaoMessages(database(), settings())


@cache
def customer_views() -> CosmosCustomerViews:
    return CosmosCustomerViews(database(), settings())


@cache
def cancellations() -> CosmosCancellations:
    return CosmosCancellations(database())


@cache
def own_documents() -> CosmosOwnDocuments:
    return CosmosOwnDocuments(database(), settings())


@cache
def access_records() -> CosmosAccessRecords:
    return CosmosAccessRecords(database(), settings())
