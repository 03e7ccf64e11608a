"""What is replaced in django-q2's cluster: nothing that a killed process held can block the others."""

import multiprocessing
import os
import signal
import time

import pytest

from jobs.cluster import Flag, PacketQueue, Pulse, Timer

fork = multiprocessing.get_context("fork")


def killed_while(action):
    """Run an action in a forked child that is killed in the midst of it."""
    child = fork.Process(target=action)
    child.start()
    time.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    child.join()


def test_a_reader_killed_while_it_waits_does_not_block_the_next():
    queue = PacketQueue()
    killed_while(queue.get)
    queue.put({"token": 1})
    assert queue.get() == {"token": 1}


def test_each_message_goes_to_one_reader_in_order():
    queue = PacketQueue()
    for number in range(20):
        queue.put(number)
    assert not queue.empty()
    assert [queue.get() for _ in range(20)] == list(range(20))
    assert queue.empty()


def test_a_waiter_killed_while_it_waits_does_not_block_the_setter():
    flag = Flag()
    killed_while(lambda: flag.wait(60))
    flag.set()
    assert flag.wait(0)


def test_a_flag_set_in_one_process_is_seen_in_another():
    flag = Flag()
    child = fork.Process(target=flag.set)
    child.start()
    assert flag.wait(5)
    child.join()


def test_waiting_for_a_flag_ends_in_time():
    began = time.monotonic()
    assert not Flag().wait(0.1)
    assert 0.1 <= time.monotonic() - began < 1


def test_a_timer_has_no_lock_that_a_killed_worker_could_keep():
    timer = Timer()

    def hold():
        with timer.get_lock():
            time.sleep(60)

    killed_while(hold)
    with timer.get_lock():
        timer.value = 5
    assert timer.value == pytest.approx(5)


def test_a_reader_that_stands_still_does_not_block_the_writer():
    queue = PacketQueue()
    began = time.monotonic()
    for number in range(5000):
        queue.put({"token": number})
    assert time.monotonic() - began < 5
    assert queue.get() == {"token": 0}


def test_a_full_queue_takes_what_ends_the_readers_once_it_is_cleared():
    queue = PacketQueue()
    for number in range(5000):
        queue.put(number)
    queue.clear()
    for _ in range(64):
        queue.put("STOP")
    assert [queue.get() for _ in range(64)] == ["STOP"] * 64


def test_a_pulse_is_seen_in_another_process():
    pulse = Pulse()
    time.sleep(1)
    child = fork.Process(target=pulse.beat)
    assert pulse.age_s >= 1
    child.start()
    child.join()
    assert pulse.age_s < 1
