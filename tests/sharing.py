"""A pytest plugin: how `pytest -n 3` shares the tests among its workers, so that what waits runs beside what computes.

A worker takes a file at a time, for the sake of what a file's tests share. All tests of faults go to one of them: they
kill what is at work and hold what is left to seconds, so only one of them runs at a time, and the others give way.
"""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_FAULTS = "tests/faults/"
_TOGETHER = (_FAULTS, "tests/end_to_end/")  # for they share a service
_LONG = (_FAULTS, "tests/test_examples.py", "tests/conformance/", "tests/media_services/test_recogniser.py", "")
_NICE = 10


class Sharing(LoadScopeScheduling):
    """Hands out scopes in the order of collection; a scope is a file, or a folder whose tests stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    config.option.loadscopereorder = False  # would hand out what has most tests first
    return Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, lest one worker be left with it in the end."""
    items.sort(key=lambda item: next(place for place, start in enumerate(_LONG) if item.nodeid.startswith(start)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ and not item.nodeid.startswith(_FAULTS):
        os.nice(max(0, _NICE - os.nice(0)))
