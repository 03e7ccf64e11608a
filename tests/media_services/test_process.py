"""Child processes: they report, they are stopped, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from media_services.process import Fork, run

HERE = Path(__file__).parent


def python(code):
    return [sys.executable, "-c", code]


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_lines_are_heard_and_the_tail_of_stderr_is_kept():
    heard = []
    code = "import sys; print('one'); print('two'); [print(n, file=sys.stderr) for n in range(100)]; sys.exit(3)"
    finished = run(python(code), cwd=HERE, on_line=heard.append, timeout_s=20)
    assert heard == ["one", "two"]
    assert finished.exit_code == 3
    assert finished.stderr_tail.splitlines()[0::39] == ["60", "99"]


@pytest.fixture
def no_child_stays():
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


@pytest.mark.usefixtures("no_child_stays")
def test_a_child_that_outlives_its_time_is_killed():
    with pytest.raises(TimeoutError):
        run(python("import time; time.sleep(60)"), cwd=HERE, timeout_s=0.3)


@pytest.mark.usefixtures("no_child_stays")
def test_a_tick_that_raises_kills_the_child():
    def tick():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run(python("import time; time.sleep(60)"), cwd=HERE, tick=tick, timeout_s=20)


def test_a_child_sees_none_of_our_secrets(monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_SECRET_KEY", "hush")
    heard = []
    run(python("import os; print('VIDEOCRAFT_SECRET_KEY' in os.environ)"), cwd=HERE, on_line=heard.append, timeout_s=20)
    assert heard == ["False"]


def test_a_fork_sends_messages_and_ends():
    child = Fork(lambda send: send({"pid": os.getpid(), "session": os.getsid(0)}))
    assert wait_until(child.has_ended)
    assert child.messages() == [{"pid": child.pid, "session": child.pid}]
    assert child.exit_code == 0
    child.close()


def test_a_fork_that_raises_exits_with_1_and_never_returns_to_its_parents_code(capfd):
    def target(send):
        raise RuntimeError("broken")

    child = Fork(target)
    assert wait_until(child.has_ended)
    assert child.exit_code == 1
    assert "RuntimeError: broken" in capfd.readouterr().err
    child.close()


def test_killing_a_fork_kills_what_it_started():
    def target(send):
        grandchild = subprocess.Popen(python("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"))
        send({"pid": grandchild.pid})
        grandchild.wait()

    child, messages = Fork(target), []
    assert wait_until(lambda: messages.extend(child.messages()) or messages)
    child.kill(grace_s=0.2)
    assert wait_until(lambda: not is_alive(messages[0]["pid"]))
    child.close()


def test_a_group_is_killed_even_when_its_leader_is_gone():
    def target(send):
        send({"pid": subprocess.Popen(python("import time; time.sleep(60)")).pid})

    child, messages = Fork(target), []
    assert wait_until(child.has_ended)
    messages = child.messages()
    child.close()
    assert wait_until(lambda: not is_alive(messages[0]["pid"]))


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_the_death_of_a_parent_reaches_the_childs_child():
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from media_services.process import Fork, run\n"
        "def target(send):\n"
        "    sleeper = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'\n"
        "    send({'pid': os.getpid()})\n"
        "    tell = lambda line: send({'pid': int(line)})\n"
        "    run([sys.executable, '-c', sleeper], cwd=Path('.'), on_line=tell, timeout_s=60)\n"
        "child, pids = Fork(target), []\n"
        "while len(pids) < 2:\n"
        "    pids += [m['pid'] for m in child.messages()]\n"
        "    time.sleep(0.01)\n"
        "print(*pids, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(python(code), stdout=subprocess.PIPE, cwd=HERE.parent.parent, text=True)
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))
