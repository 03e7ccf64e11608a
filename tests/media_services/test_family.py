"""What lies below a process: measured, and buried, wherever it hides."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from media_services import family
from media_services.process import Fork, run

SLEEP = "import time; time.sleep(60)"


def wait_until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def messages_of(child):
    heard = []
    assert wait_until(lambda: heard.extend(child.messages()) or heard)
    return heard


def test_memory_is_that_of_all_the_child_has_started(tmp_path):
    def target(send):
        taken = f"taken = b'x' * {100 * 1024**2}; print('taken', flush=True); {SLEEP}"
        run([sys.executable, "-c", taken], cwd=tmp_path, on_line=lambda line: send({"line": line}), timeout_s=60)

    child = Fork(target)
    messages_of(child)
    held = child.memory_bytes()
    child.close()
    own = psutil.Process().memory_info().rss  # of which the fork is a copy
    assert 100 * 1024**2 < held < own + 400 * 1024**2
    assert family.memory_bytes(child.pid) == 0


def test_a_mark_is_carried_by_all_that_is_started_and_found_in_another_session(tmp_path):
    def target(send):
        code = f"import os; os.setsid(); print(os.getpid(), flush=True); {SLEEP}"
        run([sys.executable, "-c", code], cwd=tmp_path, on_line=lambda line: send({"pid": int(line)}), timeout_s=60)

    child = Fork(target, "mark-of-a-test")
    pid = messages_of(child)[0]["pid"]
    assert family.end_marked("another-mark") == 0
    assert is_alive(pid)
    assert family.end_marked("mark-of-a-test") == 1
    assert wait_until(lambda: not is_alive(pid))
    child.close()


def test_one_that_adopts_buries_what_its_child_has_left_in_another_session():
    """In a process of its own, which has no other children."""
    code = (
        "import subprocess, sys\n"
        "from media_services import family\n"
        "from media_services.process import Fork\n"
        "def target(send):\n"
        f"    sleeper = [sys.executable, '-c', {SLEEP!r}]\n"
        "    send({'pid': subprocess.Popen(sleeper, start_new_session=True).pid})\n"
        "family.adopt_orphans()\n"
        "child, pids = Fork(target), []\n"
        "while not pids:\n"
        "    pids += [m['pid'] for m in child.messages()]\n"
        "child.close()\n"
        "print(*pids)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert not is_alive(int(done.stdout))


def test_one_that_does_not_adopt_leaves_its_other_children_alone():
    other = subprocess.Popen([sys.executable, "-c", SLEEP])
    Fork(lambda send: None).close()
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's way to say who dies first")
def test_work_is_what_the_kernel_kills_first_when_memory_runs_out():
    child = Fork(lambda send: send({"score": Path("/proc/self/oom_score_adj").read_text()}))
    assert int(messages_of(child)[0]["score"]) == 1000
    child.close()


def test_a_child_that_is_killed_as_soon_as_it_is_born_is_gone():
    for _ in range(20):
        child = Fork(lambda send: time.sleep(60))
        child.kill()
        assert child.exit_code == -9
        child.close()
