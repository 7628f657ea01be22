"""Garbage collection in a process that has started."""

from tests.unit.shared.processes import run


def test_an_app_that_has_started_spares_its_own_objects_from_collections() -> None:
    frozen, threshold = run(
        """
        import asyncio, gc, json, os

        async def start():
            import function_app
            deadline = asyncio.get_running_loop().time() + 30
            while not gc.get_freeze_count() and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.01)
            print(json.dumps([gc.get_freeze_count(), gc.get_threshold()[0]]), flush=True)
            os._exit(0)

        asyncio.run(start())
        """
    )

    assert frozen > 50_000
    assert threshold == 10_000


def test_objects_that_refer_to_each_other_are_collected_afterwards() -> None:
    alive = run(
        """
        import gc, json, weakref
        from shared.garbage_collection import spare_long_lived_objects

        class Node:
            pass

        spare_long_lived_objects()
        made = weakref.WeakSet()
        most = 0
        for _ in range(60_000):
            node = Node()
            node.itself = node
            made.add(node)
            most = max(most, len(made))
        print(json.dumps(most))
        """
    )

    assert alive < 30_000
