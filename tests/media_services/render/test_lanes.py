"""Drawing in several threads at once, as the lanes of a crew do: each gets what it would get alone."""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from media_services.movie.document import Text
from media_services.movie.settings import TextSettings
from media_services.render.pixels import Memory
from media_services.render.text import draw

LOOKS = [
    {"font-size": size, "font-weight": weight, "font-style": style}
    for size in ("20px", "61px", "130px")
    for weight in (400, 700)
    for style in ("normal", "italic")
]


@pytest.fixture(autouse=True)
def hasty_threads():
    """Let threads take turns far more often than they do."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


def drawn(look):
    text = Text(type="text", text="Hamburgefonstiv 123", settings=TextSettings.model_validate(look))
    return np.asarray(draw(text, size=(900, 300), canvas=(1280, 720))).tobytes()


def test_texts_are_drawn_as_they_are_alone():
    alone = [drawn(look) for look in LOOKS]
    assert len(set(alone)) == len(LOOKS)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(drawn, LOOKS * 6))
    assert together == alone * 6


def test_what_is_remembered_is_found_by_all():
    memory, failures = Memory(6 * 100), []

    def use(seed):
        numbers = random.Random(seed)
        try:
            for _ in range(3_000):
                key = numbers.randrange(12)
                assert (memory.get(key, lambda key=key: np.full(100, key, np.uint8)) == key).all()
        except Exception as problem:
            failures.append(problem)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
