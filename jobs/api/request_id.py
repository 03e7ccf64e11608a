"""placeholder"""
from collections.abc import Callable
from typing import Any
def RequestIdMiddleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return get_response
