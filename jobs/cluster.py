"""Owns the cluster: django-q2's, with the parts replaced that hang, orphan or double when a process is killed.

Each replacement names the failure it cures.
"""

import logging
import multiprocessing
import os
import pickle
import select
import signal
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django import db
from django.conf import settings
from django_q import cluster as stock
from django_q.worker import worker as stock_worker

from jobs import worker
from jobs.broker import JobBroker
from jobs.models import Cluster
from media_services.process import die_with_parent

log = logging.getLogger(__name__)
_FORK = multiprocessing.get_context("fork")


class Flag:
    """An event that is one shared byte.

    multiprocessing.Event waits for its waiters under a lock, so setting it after a waiter was killed blocks for ever.
    """

    def __init__(self) -> None:
        self._byte = _FORK.RawValue("b", 0)

    def set(self) -> None:
        self._byte.value = 1

    def is_set(self) -> bool:
        return bool(self._byte.value)

    def wait(self, timeout: float) -> bool:
        """Return whether it is set, after `timeout` seconds at the latest."""
        deadline = time.monotonic() + timeout
        while not self.is_set() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.is_set()


class Timer:
    """What django-q2 calls a worker's timer, without its lock, which a killed worker would keep."""

    def __init__(self) -> None:
        self._value = _FORK.RawValue("f", -1)

    @property
    def value(self) -> float:
        return float(self._value.value)

    @value.setter
    def value(self, value: float) -> None:
        self._value.value = value

    def get_lock(self) -> AbstractContextManager[None]:
        return nullcontext()


class DatagramQueue:
    """A queue of small messages over a socket pair: the kernel hands each message to one reader.

    multiprocessing.Queue keeps a lock while it reads, and an idle worker that is killed keeps it for ever.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def put(self, message: Any) -> None:
        self._writer.send(pickle.dumps(message))

    def get(self) -> Any:
        return pickle.loads(self._reader.recv(1 << 17))  # noqa: S301 - only our own processes hold the other end

    def empty(self) -> bool:
        return not select.select([self._reader], [], [], 0)[0]

    def qsize(self) -> int:
        return 0 if self.empty() else 1

    def close(self) -> None:
        """Do nothing: what was put is in the kernel already."""

    join_thread = close


def _supervised(parent_pid: int, target: Callable[..., None], *args: Any) -> None:
    """Run one of django-q2's processes so that it dies with the process that started it."""
    die_with_parent()
    if os.getppid() != parent_pid:
        return
    # systemd and a terminal signal the whole group. Not SIG_IGN: children would inherit it, and FFmpeg not stop.
    signal.signal(signal.SIGINT, _do_nothing)
    signal.signal(signal.SIGTERM, worker.drain.begin if target is stock_worker else _do_nothing)
    target(*args)


def _do_nothing(*_: object) -> None:
    """Leave the stopping to the sentinel."""


class JobSentinel(stock.Sentinel):
    """django-q2's sentinel with queues, timers and a stop that no dead process can block."""

    def __init__(self, stop_event: Flag, start_event: Flag, cluster_id: uuid.UUID, slots: int) -> None:
        super().__init__(stop_event, start_event, cluster_id, timeout=None, start=False)
        signal.signal(signal.SIGTERM, lambda *_: stop_event.set())
        signal.signal(signal.SIGINT, lambda *_: stop_event.set())
        self.task_queue, self.result_queue = DatagramQueue(), DatagramQueue()
        self.event_out = Flag()
        self.pool_size = slots
        self.start()

    def spawn_process(self, target: Callable[..., None], *args: Any) -> Any:
        process = _FORK.Process(target=_supervised, args=(os.getpid(), target, *args), daemon=True)
        if target is stock_worker:
            process.timer = args[2]  # type: ignore[attr-defined] # where django-q2's guard looks for it
            self.pool.append(process)
        process.start()
        return process

    def spawn_worker(self) -> None:
        self.spawn_process(stock_worker, self.task_queue, self.result_queue, Timer(), -1)

    def stop(self) -> None:
        """Stop in order: no more tokens; workers drain, and are killed when they outstay it; then the monitor."""
        self.event_out.set()
        for process in self.pool:
            process.terminate()
        for _ in self.pool:
            self.task_queue.put("STOP")
        self._await([*self.pool, self.pusher], settings.VIDEOCRAFT.drain_seconds + 10)
        self.pool.clear()
        self.result_queue.put("STOP")
        self._await([self.monitor], 5)

    def _await(self, processes: list[Any], seconds: float) -> None:
        """Wait for processes to end, and kill those that have not when the time is up."""
        deadline = time.monotonic() + seconds
        for process in processes:
            process.join(max(deadline - time.monotonic(), 0))
            if process.is_alive():
                log.error("killing %s, which does not stop", process.name)
                process.kill()
                process.join()


class JobCluster:
    """The process that `manage.py qcluster` is: it starts a sentinel, and ends with it."""

    def __init__(self) -> None:
        configuration = settings.VIDEOCRAFT
        self.id = uuid.uuid4()
        self.slots = min(configuration.job_workers, configuration.job_max_concurrent)
        self.stop_event, self.start_event = Flag(), Flag()

    def run(self) -> int:
        """Run until told to stop by SIGTERM or SIGINT; return the exit status, 1 if the sentinel died by itself."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop_event.set())
        signal.signal(signal.SIGINT, lambda *_: self.stop_event.set())
        row = Cluster.objects.create(id=self.id, host=socket.gethostname(), pid=os.getpid(), workers=self.slots)
        JobBroker.start_for(self.id, self.slots)
        worker.cluster_id = self.id
        # a token finds its worker connected already
        db.connection.settings_dict.update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
        db.connections.close_all()
        sentinel = _FORK.Process(
            target=_supervised, args=(os.getpid(), JobSentinel, self.stop_event, self.start_event, self.id, self.slots)
        )
        sentinel.start()
        log.info("cluster %s runs %s jobs at once", self.id, self.slots)
        sentinel.join()
        row.delete()
        stopped = self.stop_event.is_set() and sentinel.exitcode == 0
        log.info("cluster %s has stopped", self.id)
        return 0 if stopped else 1
