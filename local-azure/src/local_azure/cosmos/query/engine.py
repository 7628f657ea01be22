"""Runs queries, page by page and slice by slice."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from local_azure.cosmos import errors
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.compiler import compile_query
from local_azure.cosmos.query.pages import Compiled, Pages, Prepared, QueryCall, Run
from local_azure.cosmos.query.parser import parse
from local_azure.cosmos.query.planner import Plan
from local_azure.cosmos.query.scope import ROOT_SLOT, Scope
from local_azure.cosmos.store.change_feed import WHOLE
from local_azure.cosmos.store.containers import Container
from local_azure.cosmos.store.indexing import PropertyPath
from local_azure.cosmos.store.storage import Storage


class _Parameters(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise errors.bad_request(f"The query uses the parameter {name}, which the request does not contain.")


class QueryEngine:
    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock

    def run(self, container: Container, call: QueryCall) -> Pages:
        """Raises bad_request; query_error for an invalid query."""
        compiled = _compiled(call.text, container.partition_key.paths)
        container.indexing.check_order(compiled.order)
        now = self._clock()
        scope = Scope(_Parameters(call.parameters), compiled.slots, now)
        search = compiled.plan.search(scope, container.indexing)
        if not (call.across_partitions or search.one_key or call.range != WHOLE):
            raise errors.bad_request(
                "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
                "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
            )
        if compiled.selection.grouping and not (compiled.tree.value or call.range.partition_key is not None):
            # Azure refuses this when there are several physical partitions, and the Python SDK always does.
            raise errors.bad_request("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")
        prepared = Prepared(compiled, scope, search)
        snapshot = self._storage.snapshot()
        try:
            return (yield from Run(snapshot, container, prepared, now).page(call))
        except RecursionError:
            raise _too_complex() from None
        finally:
            snapshot.close()


@lru_cache(maxsize=512)
def _compiled(text: str, key_paths: tuple[PropertyPath, ...]) -> Compiled:
    """Raises query_error."""
    try:
        tree = parse(text)
        selection, root_names, slots = compile_query(tree)
        plan = Plan(tree.where, root_names, key_paths)
    except RecursionError:
        raise _too_complex() from None
    order = [((syntax.path_of(item.expression) or ())[1:], item.descending) for item in tree.order_by]
    whole = not tree.items or (tree.value and syntax.path_of(tree.items[0].expression) in _alone(root_names))
    return Compiled(tree, selection, slots, plan, order, whole)


def _alone(names: Iterable[str]) -> set[PropertyPath]:
    return {(name,) for name in names}


def _too_complex() -> errors.CosmosError:
    return errors.bad_request("The query is nested too deeply.")


def select_from(text: str, parameters: dict[str, Any], resources: list[Any], now: float) -> list[Any]:
    """Runs a query over values in memory: databases or containers. `now`: seconds since 1970. Raises query_error."""
    compiled = _compiled(text, ())
    scope = Scope(_Parameters(parameters), compiled.slots, now)

    def items() -> Iterator[None]:
        for resource in resources:
            scope.values[ROOT_SLOT] = resource
            yield

    return list(compiled.selection.results(scope, items() if compiled.tree.sources else (None,)))
