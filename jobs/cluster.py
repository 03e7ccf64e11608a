"""Owns the cluster: django-q2's, with the parts replaced that hang, orphan or double when a process is killed.

Main starts the sentinel, the sentinel starts the workers, the pusher (the broker's process), the monitor, the
housekeeper and the courier; each dies with the one that started it, and is started again when it dies or stops
moving. Each replacement below names the failure of the stock part that it cures.
"""

import logging
import multiprocessing
import os
import pickle
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing.connection import wait
from typing import Any

from django import db
from django.conf import settings
from django_q import cluster as stock
from django_q.monitor import monitor as stock_monitor
from django_q.pusher import pusher as stock_pusher
from django_q.worker import worker as stock_worker

from jobs import worker
from jobs.broker import JobBroker
from jobs.courier import Courier
from jobs.drain import drain
from jobs.housekeeper import ClusterFacts, Housekeeper
from jobs.labels import WorkerLabels
from media_services.family import adopt_orphans, call_yourself, die_with_parent

log = logging.getLogger(__name__)
_FORK = multiprocessing.get_context("fork")
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CYCLE_S = 0.1
_STUCK_S = 20.0  # the pusher, the housekeeper and the courier turn about once a second
_SENTINEL_STUCK_S = 60.0  # longer: renders die with the sentinel
_KILL_MARGIN_S = 10.0  # between the end of the drain and the end of patience
_LIVED_S = 5.0
_MOST_SHORT_LIVES = 5


class Flag:
    """An event that is one shared byte.

    Cures: multiprocessing.Event waits for its waiters under a lock, so setting it after a waiter was killed blocks for
    ever; a SIGTERM to the whole group hung main in 5 of 5 tries.
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


class Pulse:
    """When a process last showed that it moves.

    Cures: the stock guard asks only whether a process is alive; one that is stopped or hangs is, for ever.
    """

    def __init__(self) -> None:
        self._at = _FORK.RawValue("d", time.monotonic())

    def beat(self) -> None:
        self._at.value = time.monotonic()

    @property
    def age_s(self) -> float:
        return time.monotonic() - float(self._at.value)


class Timer:
    """What django-q2 calls a worker's timer, without its lock.

    Cures: a worker killed while it holds the lock keeps it, and the guard waits for it for ever.
    """

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


class PacketQueue:
    """A queue of small messages over a socket pair: the kernel hands each message to one reader.

    Cures: multiprocessing.Queue keeps a lock while it reads, and an idle worker that is killed keeps it for ever: after
    3 of 6 kills the cluster never ran another task. And it never blocks its writer: what finds the queue full is
    dropped, for a token or a result more or less does no harm, and a reader that stands still must not stop others.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def put(self, message: Any) -> None:
        with suppress(BlockingIOError):
            self._writer.send(pickle.dumps(message), socket.MSG_DONTWAIT)

    def get(self) -> Any:
        return pickle.loads(self._reader.recv(1 << 17))  # noqa: S301 - only our own processes hold the other end

    def clear(self) -> None:
        """Throw away what nobody has taken."""
        with suppress(BlockingIOError):
            while True:
                self._reader.recv(1 << 17, socket.MSG_DONTWAIT)

    def wait(self, seconds: float) -> bool:
        """Say whether there is a message, after so many seconds at the latest."""
        return bool(select.select([self._reader], [], [], seconds)[0])

    def empty(self) -> bool:
        return not self.wait(0)

    def qsize(self) -> int:
        return 0 if self.empty() else 1

    def close(self) -> None:
        """Do nothing: what was put is in the kernel already."""

    join_thread = close


class Shared:
    """What the processes of a cluster share, made before the first of them is forked."""

    def __init__(self, cluster: ClusterFacts) -> None:
        self.cluster = cluster
        self.stop, self.started, self.starving, self.leaving = Flag(), Flag(), Flag(), Flag()
        self.sentinel_pulse, self.pusher_pulse = Pulse(), Pulse()
        self.housekeeper_pulse, self.courier_pulse = Pulse(), Pulse()
        self.alarms = PacketQueue()


def _supervised(parent_pid: int, target: Callable[..., None], *args: Any) -> None:
    """Run one of the cluster's processes so that it dies with the process that started it.

    Cures: after kill -9 of main or sentinel the stock processes run on, unsupervised.
    """
    die_with_parent(parent_pid)
    call_yourself(_NAMES.get(target, ""))
    # systemd and a terminal signal the whole group. Not SIG_IGN: children would inherit it, and FFmpeg not stop.
    for number in _STOPPING:
        signal.signal(number, drain.begin if target is stock_worker else _do_nothing)
    if target is stock_worker:
        adopt_orphans()
    target(*args)


def _do_nothing(*_: object) -> None:
    """Leave the stopping to the sentinel."""


def _keep_house(shared: Shared) -> None:
    """Be the housekeeper, until it is to leave."""
    housekeeper = Housekeeper(shared.cluster)
    while not shared.leaving.is_set():
        shared.housekeeper_pulse.beat()
        if housekeeper.turn():
            shared.starving.set()
        if shared.alarms.wait(0 if housekeeper.is_cleaning else housekeeper.turn_s):
            shared.alarms.clear()
    housekeeper.leave()


def _tell_webhooks(shared: Shared) -> None:
    """Be the courier, until it is to leave."""
    courier = Courier()
    while not shared.leaving.is_set():
        shared.courier_pulse.beat()
        courier.turn()
    courier.leave()


class JobSentinel(stock.Sentinel):
    """django-q2's sentinel with queues, timers, a guard and a stop that no dead or stuck process can block."""

    def __init__(self, shared: Shared) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        super().__init__(shared.stop, shared.started, shared.cluster.id, timeout=None, start=False)
        for number in _STOPPING:
            signal.signal(number, lambda *_: shared.stop.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # it had set them to what would kill it
        self.shared = shared
        self.task_queue, self.result_queue = PacketQueue(), PacketQueue()
        self.event_out = Flag()
        self.pool_size = shared.cluster.slots
        self.start()

    def spawn_process(self, target: Callable[..., None], *args: Any) -> Any:
        process = _FORK.Process(target=_supervised, args=(os.getpid(), target, *args), daemon=True)
        if target is stock_worker:
            process.timer = args[2]  # type: ignore[attr-defined] # where django-q2's `reincarnate` looks for it
            self.pool.append(process)
        process.start()
        return process

    def spawn_worker(self) -> None:
        self.spawn_process(stock_worker, self.task_queue, self.result_queue, Timer(), -1)

    def spawn_pusher(self) -> Any:
        self.shared.pusher_pulse.beat()
        return super().spawn_pusher()

    def spawn_housekeeper(self) -> Any:
        self.shared.housekeeper_pulse.beat()
        return self.spawn_process(_keep_house, self.shared)

    def spawn_courier(self) -> Any:
        self.shared.courier_pulse.beat()
        return self.spawn_process(_tell_webhooks, self.shared)

    def spawn_cluster(self) -> None:
        super().spawn_cluster()
        self.housekeeper = self.spawn_housekeeper()
        self.courier = self.spawn_courier()

    def guard(self) -> None:
        """Keep every process running until told to stop.

        Cures: the stock guard looks every half second, and does not see a process that is stuck.
        """
        self.start_event.set()
        while not self.stop_event.is_set():
            self.shared.sentinel_pulse.beat()
            self._kill_if_stuck(self.pusher, self.shared.pusher_pulse)
            self._kill_if_stuck(self.housekeeper, self.shared.housekeeper_pulse)
            self._kill_if_stuck(self.courier, self.shared.courier_pulse)
            dead = [process for process in self._processes() if not process.is_alive()]
            for process in dead:
                self.reincarnate(process)
            # not at once again: what dies as soon as it is born must not keep a core busy
            time.sleep(_CYCLE_S) if dead else wait([process.sentinel for process in self._processes()], _CYCLE_S)
        self.stop()

    def reincarnate(self, process: Any) -> None:
        """Replace a dead process, and have the housekeeper look at once for the job that it may have had."""
        if process is self.housekeeper:
            log.critical("the housekeeper died; starting another")
            self.housekeeper = self.spawn_housekeeper()
        elif process is self.courier:
            log.critical("the courier died; starting another")
            self.courier = self.spawn_courier()
        else:
            super().reincarnate(process)
        self.shared.alarms.put("a process died")

    def _processes(self) -> list[Any]:
        return [*self.pool, self.pusher, self.monitor, self.housekeeper, self.courier]

    def _kill_if_stuck(self, process: Any, pulse: Pulse) -> None:
        if pulse.age_s > _STUCK_S and process.is_alive():
            log.critical("process %s has not moved for %.0f s; starting another", process.pid, pulse.age_s)
            _kill(process)

    def stop(self) -> None:
        """Stop in order: no more tokens; workers drain, and are killed when they outstay it; then the others.

        Cures: the stock sentinel waits without a deadline for whatever was prefetched, and for dead processes.
        """
        self.event_out.set()
        _kill(self.pusher)
        for process in self.pool:
            process.terminate()
        self.task_queue.clear()
        for _ in self.pool:
            self.task_queue.put("STOP")
        self._await(self.pool, settings.VIDEOCRAFT.drain_seconds + _KILL_MARGIN_S)
        self.shared.leaving.set()
        self.shared.alarms.put("leave")
        self.result_queue.clear()
        self.result_queue.put("STOP")
        self._await([self.housekeeper, self.courier, self.monitor], 5)

    def _await(self, processes: list[Any], seconds: float) -> None:
        """Wait for processes to end, and kill those that have not when the time is up."""
        deadline = time.monotonic() + seconds
        for process in processes:
            while process.is_alive() and time.monotonic() < deadline:
                self.shared.sentinel_pulse.beat()
                process.join(_CYCLE_S)
            if process.is_alive():
                log.error("killing process %s, which does not stop", process.pid)
                _kill(process)


_NAMES: dict[Any, str] = {
    JobSentinel: "vc-sentinel",
    stock_worker: "vc-worker",
    stock_pusher: "vc-pusher",
    stock_monitor: "vc-monitor",
    _keep_house: "vc-housekeeper",
    _tell_webhooks: "vc-courier",
}


def _kill(process: Any) -> None:
    process.kill()
    process.join()


def _described(labels: WorkerLabels) -> str:
    """Say which labels the workers have, if they have any."""
    if not labels.names:
        return ""
    return f"; its workers have {labels}" + (", and take only jobs that ask for these" if labels.are_dedicated else "")


class JobCluster(stock.Cluster):
    """The process that `manage.py qcluster` is: it keeps a sentinel running until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        signal.signal(signal.SIGHUP, self.sig_handler)
        configuration = settings.VIDEOCRAFT
        slots = min(configuration.job_workers, configuration.job_max_concurrent)
        labels = configuration.labels_of_workers
        self.shared = Shared(ClusterFacts(self.cluster_id, self.host, os.getpid(), slots, labels))
        self.stop_event, self.start_event = self.shared.stop, self.shared.started
        self._short_lives = 0
        self._born_at = 0.0

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Only set the flag.

        Cures: the stock handler joins the sentinel within the signal, and a second signal raises inside the first.
        """
        self.stop_event.set()

    def start(self) -> int:
        """Fork the sentinel, and with it all the others; return main's pid."""
        facts = self.shared.cluster
        JobBroker.start_for(facts.id, facts.slots, self.shared.pusher_pulse.beat, facts.labels)
        worker.cluster_id, worker.labels = facts.id, facts.labels
        # a token finds its worker connected already
        db.connection.settings_dict.update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
        db.connections.close_all()
        self.shared.sentinel_pulse.beat()
        self._born_at = time.monotonic()
        self.sentinel = _FORK.Process(target=_supervised, args=(os.getpid(), JobSentinel, self.shared))
        self.sentinel.start()
        return int(self.pid)

    def run(self) -> int:
        """Run until told to stop; return the exit status.

        0 after a stop in order; 1 when the watchdog found due jobs starving, or the sentinel cannot be kept alive.
        """
        self.start()
        facts = self.shared.cluster
        log.info("cluster %s runs %s jobs at once%s", facts.id, facts.slots, _described(facts.labels))
        stop_at: float | None = None
        while self._is_running():
            wait([self.sentinel.sentinel], _CYCLE_S)
            if self.shared.starving.is_set() and not self.stop_event.is_set():
                log.critical("a due job has waited for a minute beside a free worker; stopping, to be started again")
                self.stop_event.set()
            if self.stop_event.is_set():
                stop_at = stop_at or time.monotonic()
            self._kill_stuck_sentinel(stop_at)
        is_well = self.stop_event.is_set() and self.sentinel.exitcode == 0 and not self.shared.starving.is_set()
        log.info("cluster %s has stopped", self.cluster_id)
        return 0 if is_well else 1

    def _is_running(self) -> bool:
        """Say whether there is a sentinel, starting another if it died without having been told to stop."""
        if self.sentinel.is_alive():
            return True
        if self.stop_event.is_set():
            return False
        lived_s = time.monotonic() - self._born_at
        self._short_lives = self._short_lives + 1 if lived_s < _LIVED_S else 0
        if self._short_lives >= _MOST_SHORT_LIVES:
            log.critical("the sentinel died %s times in a row; giving up", self._short_lives)
            return False
        log.critical("the sentinel died (exit code %s); starting another", self.sentinel.exitcode)
        self.start()
        return True

    def _kill_stuck_sentinel(self, stop_at: float | None) -> None:
        """Kill a sentinel that does not move, or does not stop."""
        patience_s = settings.VIDEOCRAFT.drain_seconds + 2 * _KILL_MARGIN_S
        does_not_stop = stop_at is not None and time.monotonic() - stop_at > patience_s
        if does_not_stop or self.shared.sentinel_pulse.age_s > _SENTINEL_STUCK_S:
            log.critical("killing the sentinel, which does not %s", "stop" if does_not_stop else "move")
            _kill(self.sentinel)
