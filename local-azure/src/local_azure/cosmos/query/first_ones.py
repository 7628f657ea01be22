"""The first items of an order, found in one pass and little memory."""

from functools import total_ordering
from typing import Any

_SLACK = 1_000  # more than wanted are kept between two sorts, which costs less than to keep them sorted


@total_ordering
class _Descending:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: bytes) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    def __lt__(self, other: "_Descending") -> bool:
        return other.key < self.key

    __hash__ = None  # type: ignore[assignment]  # it is only compared


class FirstOnes:
    """Keeps the first `wanted` of the items that are offered, of those `after` a position (keys and number).

    Items with the same keys are in the order of their numbers.
    """

    def __init__(self, wanted: int, descending: list[bool], after: list[Any] | None) -> None:
        self._wanted = wanted
        self._descending = descending
        self._after = self._entry(after[:-1], after[-1]) if after is not None else None
        self._kept: list[tuple[Any, ...]] = []
        self._last: tuple[Any, ...] | None = None
        self.left_out = False

    def offer(self, keys: list[bytes], number: int) -> None:
        entry = self._entry(keys, number)
        if self._after is not None and entry <= self._after:
            return
        if self._last is not None and entry > self._last:
            self.left_out = True
            return
        self._kept.append(entry)
        if len(self._kept) >= self._wanted + _SLACK:
            self._shorten()

    def sorted(self) -> list[tuple[list[bytes], int]]:
        """The keys and the number of each."""
        self._shorten()
        return [
            ([key.key if isinstance(key, _Descending) else key for key in entry[:-1]], entry[-1])
            for entry in self._kept
        ]

    def _entry(self, keys: list[bytes], number: int) -> tuple[Any, ...]:
        return (
            *(_Descending(key) if down else key for key, down in zip(keys, self._descending, strict=True)),
            number,
        )

    def _shorten(self) -> None:
        self._kept.sort()
        self.left_out = self.left_out or len(self._kept) > self._wanted
        del self._kept[self._wanted :]
        self._last = self._kept[-1] if self._kept else None
