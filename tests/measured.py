"""Reads the code's metrics through the real SDK."""

from functools import cache

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint


@cache
def _reader() -> InMemoryMetricReader:
    """One for the whole process, because it can have only one provider."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader


def measured(name: str, **attributes: str) -> int | float:
    """The value of a counter or gauge, or the count of a histogram; else 0. The first call starts it."""
    data = _reader().get_metrics_data()
    for of_resource in data.resource_metrics if data else ():
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                for point in metric.data.data_points if metric.name == name else ():
                    if dict(point.attributes or {}) == attributes:
                        return _value(point)
    return 0


def _value(point: object) -> int | float:
    if isinstance(point, HistogramDataPoint):
        return point.count
    assert isinstance(point, NumberDataPoint)
    return point.value
