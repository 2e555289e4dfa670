"""Every operation of the OpenAPI document, with what its schema allows and what it does not."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.fuzz.conftest import Target, assert_explained

_TIMEOUT_SECONDS = 60
FUZZ = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)


def _answered(case: Any, token: str) -> int:
    """Send a case, check its answer and return the status."""
    # Wrong tokens have tests of their own; here they would keep everything else out.
    case.headers = {**(case.headers or {}), "Authorization": f"Token {token}"}
    response = case.call(timeout=_TIMEOUT_SECONDS)
    status: int = response.status_code
    if status == 503:  # full: the one thing of ours that may stand in the way
        assert int(response.headers["retry-after"][0]) > 0
        return status
    assert status < 500, f"{status} {response.text}\n{case.as_curl_command()}"
    if status >= 400:
        headers = {name: values[0] for name, values in response.headers.items()}
        try:
            assert_explained(status, response.json(), headers)
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"{status} {response.text}\n{case.as_curl_command()}") from error
    return status


def _things(target: Target, path: str) -> dict[str, str]:
    """Return for each parameter of a path something that exists."""
    target.send(b"{}")  # a failed event
    [failed] = target.newest_failed(1)
    [event] = target.client.get("/api/v1/events", limit=1)["results"]
    owner = event["product" if "products" in path else "contact"]
    return {
        "custom_id": owner["custom_id"],
        "product_id": str(event["product"]["id"]),
        "user_id": str(event["contact"]["id"]),
        "contact_id": str(event["contact"]["id"]),
        "event_id": str(event["id"]),
        "failed_id": str(failed["id"]),
        "name": "name",
        "app_key": target.app_key,
    }


def _fuzzed(
    operation: Any, mode: GenerationMode, token: str, there: dict[str, str], examples: int
) -> Counter[int]:
    statuses: Counter[int] = Counter()

    @settings(FUZZ, max_examples=examples)
    @given(case=operation.as_strategy(generation_mode=mode), aims=st.booleans())
    def send(case: Any, aims: bool) -> None:
        if aims:  # chance never names a thing that exists
            path = case.path_parameters or {}
            case.path_parameters = {name: there.get(name, path[name]) for name in path}
        statuses[_answered(case, token)] += 1

    send()
    return statuses


def _fuzz_everything(target: Target, mode: GenerationMode, examples: int) -> None:
    schema = schemathesis.openapi.from_url(
        f"http://127.0.0.1:{target.shop.port}/api/v1/openapi.json"
    )
    answered: dict[str, Counter[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/v1/events/stream":  # its good answers do not end
            continue
        there = _things(target, operation.path) if "{" in operation.path else {}
        try:
            token = target.app_key if operation.path.startswith("/api/sdk/") else target.token
            statuses = _fuzzed(operation, mode, token, there, examples)
        except Unsatisfiable:  # nothing can be wrong about an operation that takes nothing
            assert mode is GenerationMode.NEGATIVE
        else:
            answered[operation.label] = statuses
    assert len(answered) > 60
    # There the token is in the address, and made up half of the time.
    answered.pop("POST /api/browser/v1/events/{app_key}", None)
    assert not any(401 in statuses for statuses in answered.values()), "the token was not sent"


MODES = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)


@MODES
@pytest.mark.timeout(600)
def test_every_operation_answers_or_explains(target: Target, mode: GenerationMode) -> None:
    _fuzz_everything(target, mode, examples=6)


@MODES
@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_every_operation_answers_or_explains_many_times(
    target: Target, mode: GenerationMode
) -> None:
    _fuzz_everything(target, mode, examples=200)
