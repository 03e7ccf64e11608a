"""The process that recognises speech: warm, switched, killed at any moment, and frugal with memory."""

import threading
import time
from datetime import timedelta
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
import pytest

from media_services import family, transcribe
from media_services.errors import MediaError
from media_services.recogniser import Recogniser
from media_services.transcribe import Listening
from media_services.transcriber import SAMPLE_RATE, pieces
from media_services.weights import checkpoint
from tests.speech import long_talk, talk

SPEECH = Path(__file__).parent.parent.parent / "examples" / "media"
SUNRISE = ["good", "morning", "hello", "world", "and", "welcome"]


def words_in(recogniser, file=SPEECH / "sunrise.mp3", model="tiny-words", report=lambda fraction: None):
    how = Listening(model, "en")
    words = transcribe.transcribe(file, how=how, threads=1, report=report, recogniser=recogniser)
    return [plain(word) for word in words]


def plain(word):
    return word.text.strip(",.").lower()


@pytest.fixture
def own():
    """A recogniser of this test's own."""
    with Recogniser() as recogniser:
        yield recogniser


def processes():
    """Return the recognisers that this process has started."""
    return [child for child in psutil.Process().children() if is_recogniser(child)]


def is_recogniser(process):
    try:
        return "media_services.transcriber" in process.cmdline()
    except psutil.Error:  # it has ended just now
        return False


@pytest.fixture
def elder():
    """The recognisers that other tests have left warm."""
    return set(processes())


def test_it_stays_warm_and_dies_with_its_keeper_s_wish(own, elder):
    assert words_in(own) == SUNRISE
    (first,) = set(processes()) - elder
    assert words_in(own) == SUNRISE
    assert set(processes()) - elder == {first}
    own.kill()
    assert not first.is_running()


def test_one_that_is_killed_in_a_call_fails_it_and_is_started_for_the_next(own, elder):
    def kill(fraction):
        for process in set(processes()) - elder:
            process.kill()

    with pytest.raises(MediaError, match="died") as caught:
        words_in(own, report=kill)
    assert caught.value.retryable
    assert words_in(own) == SUNRISE


def kill_the_next(elder):
    """Kill the next recogniser as soon as it is there."""
    while not (young := set(processes()) - elder):
        time.sleep(0.001)
    for process in young:
        process.kill()


def test_one_that_is_killed_before_it_takes_the_call_fails_it(own, elder):
    calls = own.call({"file": "nothing"})
    threading.Thread(target=kill_the_next, args=(elder,), daemon=True).start()
    with pytest.raises(MediaError, match="died"):
        list(calls)


def test_one_that_was_killed_while_it_waited_is_started_again(own, elder):
    assert words_in(own) == SUNRISE
    (idle,) = set(processes()) - elder
    idle.kill()
    idle.wait()
    assert words_in(own) == SUNRISE


def test_it_leaves_after_an_idle_time_and_comes_back(own, elder, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"whisper_idle": timedelta(seconds=0.2)})
    assert words_in(own) == SUNRISE
    (idle,) = set(processes()) - elder
    assert idle.wait(20) in (0, None)
    assert words_in(own) == SUNRISE


def test_one_that_left_just_as_it_was_called_is_started_for_the_call(own, elder, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"whisper_idle": timedelta(0)})
    own.told("wanted")  # nothing is on the line yet, so it leaves at once
    for process in set(processes()) - elder:
        assert process.wait(10) in (0, None)
    assert words_in(own) == SUNRISE


def test_a_caller_that_goes_away_costs_nobody_else(own):
    calls = own.call({"file": "gone"})
    next(calls)
    calls.close()
    assert words_in(own) == SUNRISE


def test_a_file_that_is_no_sound_fails_alone(own, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MediaError, match="speech recognition failed") as caught:
        words_in(own, tmp_path / "text.wav")
    assert "Traceback" in caught.value.detail
    assert words_in(own) == SUNRISE


def test_another_model_takes_the_place_of_the_first(own, tmp_path, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"whisper_dir": tmp_path})
    (tmp_path / "other.pt").write_bytes(checkpoint("tiny-words").read_bytes())
    for model in ("tiny-words", "other", "tiny-words"):
        assert words_in(own, model=model) == SUNRISE


def test_its_memory_counts_only_while_it_is_called(own):
    heard = []
    words_in(own, report=lambda fraction: heard.append(own.call_memory_bytes()))
    assert max(heard) > 100 * 1024**2
    assert own.call_memory_bytes() == 0


def test_a_keeper_that_adopts_spares_it(own, elder, monkeypatch):
    assert words_in(own) == SUNRISE
    (warm,) = set(processes()) - elder
    monkeypatch.setattr(family, "_adopter", psutil.Process().pid)
    others = {process.pid for process in psutil.Process().children()} - {warm.pid}
    monkeypatch.setattr(family, "_spared", family._spared | others)
    family.end_adopted()
    assert warm.is_running()


def test_twenty_minutes_are_heard_to_the_last_word_in_bounded_memory(recogniser):
    # One sentence in each of Whisper's windows: the bundled model has not learnt to hear more.
    file, true = long_talk(duration_s=1200, pause_s=27)
    before = words_in(recogniser)  # the model is in memory
    assert before == SUNRISE
    fractions, held = [], []

    def report(fraction):
        fractions.append(fraction)
        held.append(recogniser.call_memory_bytes())

    how = Listening("tiny-words", "auto")
    words = transcribe.transcribe(file, how=how, threads=1, report=report, recogniser=recogniser)
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 40  # one for each of Whisper's windows
    # Five minutes are in memory at once; all twenty, with what Whisper makes of them, are more than 400 MiB.
    assert max(held) - held[0] < 340 * 1024**2
    matching = SequenceMatcher(None, [plain(word) for word in words], [word.text for word in true], autojunk=False)
    assert matching.ratio() > 0.95
    late_ms = [
        abs(words[match.a + number].start_ms - true[match.b + number].start_ms)
        for match in matching.get_matching_blocks()
        for number in range(match.size)
    ]
    assert median(late_ms) < 150
    assert true[-1].start_ms - words[-1].start_ms < 10_000
    assert all(word.start_ms <= after.start_ms for word, after in pairwise(words))


def test_a_long_sound_is_cut_into_pieces_where_it_is_quietest():
    file, true = talk([("hello world", 1.0)] * 12)
    whole = [(start, len(sound)) for start, sound, _ in pieces(str(file), piece_s=600)]
    parts = [(start, len(sound)) for start, sound, _ in pieces(str(file), piece_s=6, cut_s=2)]
    assert len(whole) == 1
    assert len(parts) > 3
    assert sum(size for _, size in parts) == whole[0][1]
    for (start, size), (after, _) in pairwise(parts):
        assert start + size == after
        assert size <= 6 * SAMPLE_RATE
        at_ms = after * 1000 / SAMPLE_RATE
        assert all(not word.start_ms < at_ms < word.end_ms for word in true)
