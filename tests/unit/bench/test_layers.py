import pytest

from tools.bench.layers import layers, overlapping

PACKAGES = "/home/me/ssak8/.venv/lib/python3.13/site-packages"
HOST = "/home/me/ssak8/local-azure/src/local_azure/functions_host"
OWN = "/home/me/ssak8"
ROOT_FRAMES = f"run ({PACKAGES}/uvloop/__init__.py:96);invoke ({HOST}/worker.py:66);edge ({OWN}/shared/http/edge.py:31)"


@pytest.mark.parametrize(
    ("frames", "layer"),
    [
        (
            f"C.create_item ({PACKAGES}/azure/cosmos/aio/_container.py:9);send ({PACKAGES}/aiohttp/client.py:1)",
            "Cosmos DB SDK: create_item",
        ),
        (
            f"ServiceBusReceiver.complete_message ({PACKAGES}/azure/servicebus/aio/_servicebus_receiver_async.py:5)",
            "Service Bus SDK: complete",
        ),
        (
            f"KakaoClient._send ({OWN}/shared/adapters/kakao_client.py:7);send ({PACKAGES}/aiohttp/client.py:1)",
            "kakao call: aiohttp",
        ),
        (f"KakaoClient._notify ({OWN}/shared/adapters/kakao_client.py:7)", "kakao call: the rest"),
        (f"BaseModel.model_dump ({PACKAGES}/pydantic/main.py:520)", "pydantic"),
        (f"start_span ({PACKAGES}/opentelemetry/trace/__init__.py:440)", "telemetry"),
        (f"register ({OWN}/shared/use_cases/registering.py:1)", "own code"),
        (f"publish ({OWN}/functions/customer.py:1)", "own code"),
        (
            f"parse ({PACKAGES}/azure/functions/http.py:1);loads (/usr/lib/python3.13/json/decoder.py:3)",
            "worker library",
        ),
        (f"poll ({HOST}/triggers/service_bus.py:1)", "host: triggers"),
        (f"run ({HOST}/http/application.py:1)", "host: HTTP"),
    ],
)
def test_a_stack_belongs_to_the_layer_that_its_time_serves(frames: str, layer: str) -> None:
    assert layers(f"{ROOT_FRAMES};{frames} 3") == {layer: 1.0}


def test_a_stack_of_unknown_modules_is_everything_else() -> None:
    assert layers("_run_module_as_main (<frozen runpy>:198);gc 2") == {"everything else": 1.0}


def test_shares_add_up_by_the_number_of_samples() -> None:
    own, pydantic = f"a ({OWN}/shared/a.py:1)", f"b ({PACKAGES}/pydantic/main.py:1)"

    assert layers(f"{own} 3\n{own};{pydantic} 1") == {"own code": 0.75, "pydantic": 0.25}


def test_a_thread_that_waits_for_work_is_left_out() -> None:
    waiting = "Thread.run (threading.py:992);_worker (concurrent/futures/thread.py:89)"
    at_work = f"{waiting};getaddrinfo (socket.py:974)"

    assert layers(f"{waiting} 9\n{at_work} 1\nloads ({PACKAGES}/pydantic/main.py:1) 1") == {
        "everything else": 0.5,
        "pydantic": 0.5,
    }


def test_what_lies_across_layers_is_found_in_each_of_them() -> None:
    pipeline = f"send ({PACKAGES}/azure/core/pipeline/_base_async.py:77)"
    cosmos = f"create_item ({PACKAGES}/azure/cosmos/aio/_container.py:9)"

    shares = overlapping(f"{cosmos};{pipeline};{pipeline} 1\nmain (/usr/lib/python3.13/os.py:1) 3")

    assert shares == {"os.environ": 0.75, "azure-core pipeline": 0.25}
