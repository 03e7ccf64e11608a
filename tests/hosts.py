"""Hosts made of Linux namespaces: each with an address, a name, processes and a /proc of its own, wired to a middle.

In the middle PostgreSQL answers by TCP, and whatever else is started there. A link can be cut and mended, and a host
lose its power. What has to be done inside of a namespace is done by an agent: this module, run as a program. Without
root the middle has a user namespace, in which everything else lies.
"""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import httpx
import psutil

from media_services.family import die_with_parent
from tests.service import ROOT

MIDDLE = "10.77.0.1"
WEB_PORT = 8000
_PATIENCE_S = 60
_USER = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
_MIDDLE = ("unshare", *_USER, "--net")
_HOST = ("unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")


def why_not() -> str | None:
    """Return why no hosts can be made here; None if they can."""
    if sys.platform != "linux":
        return "hosts are made of Linux namespaces"
    wire = "from pyroute2 import IPRoute; IPRoute().link('add', ifname='to-a', kind='veth', peer={'ifname': 'eth0'})"
    for what, command in (
        ("a namespace", [*_MIDDLE, *_HOST, "true"]),
        ("a link between two of them", [*_MIDDLE, sys.executable, "-c", wire]),
    ):
        try:
            tried = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.SubprocessError) as problem:
            return f"cannot make {what}: {problem}"
        if tried.returncode:
            return f"cannot make {what}: {tried.stderr.strip()[-200:]}"
    return None


class Agent:
    """A process inside of namespaces that does as it is asked, by a socket whose path is seen from everywhere."""

    def __init__(self, control: Path, log: Path, process: psutil.Process) -> None:
        self.control, self.log, self.process = control, log, process

    def ask(self, what: str, *arguments: Any) -> Any:
        """Have something done inside, and return what came of it."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self.control.exists():
            if not self.process.is_running() or time.monotonic() > deadline:
                raise RuntimeError(f"no agent at {self.control}: {self.log.read_text()}")
            time.sleep(0.02)
        with Client(str(self.control)) as connection:
            connection.send((what, arguments))
            answer = connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        """Kill it; a host's dies with all that is on the host."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.kill()
        self.process.wait(_PATIENCE_S)


class Host:
    """One host: what is started on it, its link, and its power."""

    def __init__(self, network: "Network", name: str, number: int, environment: Mapping[str, str]) -> None:
        self.network, self.name, self.wire = network, name, f"wire{number}"
        self.address = f"10.77.0.{number}"
        self.data_dir = (
            network.folder / f"{number:03}"
        )  # as long for each, for the sake of what is written into scripts
        self.data_dir.mkdir()
        self.log = self.data_dir / "host.log"
        self.environment = {**environment, "VIDEOCRAFT_DATA_DIR": str(self.data_dir)}
        control = self.data_dir / "control"
        pid = network.middle.ask("start_host", [*_HOST, *_agent("host", control)], str(self.log))
        self.agent = Agent(control, self.log, psutil.Process(pid))
        self.agent.ask("be", name)
        (self.init,) = self.agent.process.children()
        network.middle.ask("plug", self.wire, self.init.pid, self.address)
        self.agent.ask("wire", self.address)
        self.client = network.client(self.address, WEB_PORT, base_url="http://localhost")

    def start(self, *command: str, **environment: Any) -> psutil.Process:
        """Start one of our commands on this host; return its process as it is seen from here."""
        stated = self.environment | {name: str(value) for name, value in environment.items()}
        before = set(self.init.children())
        self.agent.ask("start", [sys.executable, *command], stated, str(self.log))
        (process,) = set(self.init.children()) - before
        return process

    def start_web(self) -> psutil.Process:
        options = ("--host", self.address, "--port", str(WEB_PORT), "--log-level", "warning")
        return self.start("-m", "uvicorn", "videocraft.asgi:application", *options)

    def processes(self) -> list[psutil.Process]:
        """Return all processes on this host but its first."""
        return self.init.children(recursive=True) if self.init.is_running() else []

    def cut(self) -> None:
        """Pull the plug of its network."""
        self.network.middle.ask("link", self.wire, "down")

    def mend(self) -> None:
        self.network.middle.ask("link", self.wire, "up")

    def lose_power(self) -> None:
        """Kill everything on it at once, so that nobody else hears a last word of it."""
        self.cut()
        self.init.kill()
        self.agent.end()

    def end(self) -> None:
        self.client.close()
        self.agent.end()


class Network:
    """The middle, with a PostgreSQL server of its own, and the hosts that are wired to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[Host] = []
        self._numbers = itertools.count(2)  # no address and no name comes again, for a dead host's may linger
        control, log = folder / "control", folder / "middle.log"
        started = _start([*_MIDDLE, *_agent("middle", control)], log)
        self.middle = Agent(control, log, psutil.Process(started.pid))

    def __enter__(self) -> "Network":
        try:
            self.socket_dir: str = self.middle.ask("serve_database", str(self.folder / "database"))
        except BaseException:
            self.middle.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        self.middle.ask("leave")
        self.middle.end()

    def database_url(self, database: str) -> str:
        return f"postgresql://postgres@{MIDDLE}/{database}"

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What runs a command in the middle."""
        entered = ("--user", "--preserve-credentials") if _USER else ()
        return ("nsenter", "--target", str(self.middle.process.pid), *entered, "--net")

    def client(self, address: str, port: int, **options: Any) -> httpx.Client:
        """Return a client of what listens there, which asks from the middle."""
        door = str(self.folder / f"{address}:{port}")
        self.middle.ask("relay", door, (address, port))
        # a link that is cut takes no connection with it
        transport = httpx.HTTPTransport(uds=door, limits=httpx.Limits(max_keepalive_connections=0))
        return httpx.Client(transport=transport, timeout=30, **options)

    def plug(self, name: str, environment: Mapping[str, str]) -> Host:
        """Add a host."""
        host = Host(self, name, next(self._numbers), environment)
        self.hosts.append(host)
        return host

    def unplug(self) -> None:
        """Switch all hosts off."""
        for host in self.hosts:
            host.end()
        self.hosts.clear()


def _agent(kind: str, control: Path) -> list[str]:
    return [sys.executable, "-m", "tests.hosts", kind, str(control)]


def _start(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a process that dies with this one."""
    with log.open("ab") as words:
        return subprocess.Popen(
            command, cwd=ROOT, stdout=words, stderr=words, preexec_fn=partial(die_with_parent, os.getpid())
        )


Address = tuple[str, int] | str  # of TCP, or a path


def relay(listen: Address, target: Address) -> None:
    """Hand every connection on, from now on, in threads."""
    listener = _socket(listen)
    with contextlib.suppress(FileNotFoundError, TypeError):
        os.unlink(listen)  # type: ignore[arg-type]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(listen)
    listener.listen(128)
    threading.Thread(target=_accept, args=(listener, target), daemon=True).start()


def _socket(address: Address) -> socket.socket:
    return socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)


def _accept(listener: socket.socket, target: Address) -> None:
    while True:
        near, _ = listener.accept()
        far = _socket(target)
        far.settimeout(5)
        try:
            far.connect(target)
        except OSError:
            near.close()
            far.close()
            continue
        far.settimeout(None)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


class InTheMiddle:
    """What the agent in the middle can be asked for."""

    def __init__(self) -> None:
        from pyroute2 import IPRoute

        self.wires = IPRoute()
        (lo,) = self.wires.link_lookup(ifname="lo")
        self.wires.link("set", index=lo, state="up")
        self.wires.addr("add", index=lo, address=MIDDLE, prefixlen=32)
        self.relay = relay

    def serve_database(self, folder: str) -> str:
        """Run PostgreSQL on this side of the wires; return the directory of its socket."""
        from videocraft.embedded import server

        server._OPTIONS = server._OPTIONS.replace("listen_addresses=", f"listen_addresses={MIDDLE}")
        self.server = server.EmbeddedServer(Path(folder))
        self.server.data_dir.mkdir()
        self.server._create_cluster()
        with (self.server.pgdata / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/24 trust\n")
        return self.server.join()

    def leave(self) -> None:
        self.server.leave()

    def start_host(self, command: list[str], log: str) -> int:
        """Start the first process of a host, in our user namespace if there is one; return its parent's id."""
        started = _start(command, Path(log))
        threading.Thread(target=started.wait, daemon=True).start()  # lest it stay as a zombie
        return started.pid

    def plug(self, name: str, pid: int, address: str) -> None:
        """Lay a wire to the network namespace of a process."""
        with open(f"/proc/{pid}/ns/net") as there:
            self.wires.link("add", ifname=name, kind="veth", peer={"ifname": "eth0", "net_ns_fd": there.fileno()})
        (index,) = self.wires.link_lookup(ifname=name)
        self.wires.addr("add", index=index, local=MIDDLE, address=address, prefixlen=32)
        self.wires.link("set", index=index, state="up")

    def link(self, name: str, state: str) -> None:
        (index,) = self.wires.link_lookup(ifname=name)
        self.wires.link("set", index=index, state=state)


class OnAHost:
    """What the agent on a host can be asked for; it is the first process there, and buries the others."""

    def __init__(self) -> None:
        threading.Thread(target=self._bury, daemon=True).start()

    def be(self, name: str) -> None:
        socket.sethostname(name)

    def wire(self, address: str) -> None:
        from pyroute2 import IPRoute

        with IPRoute() as wires:
            (lo,) = wires.link_lookup(ifname="lo")
            wires.link("set", index=lo, state="up")
            (wire,) = wires.link_lookup(ifname="eth0")
            wires.addr("add", index=wire, local=address, address=MIDDLE, prefixlen=32)
            wires.link("set", index=wire, state="up")

    def start(self, argv: list[str], environment: dict[str, str], log: str) -> None:
        with open(log, "ab") as words:
            subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=words, stderr=words, start_new_session=True)

    def _bury(self) -> None:
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                time.sleep(0.05)


def main() -> None:
    kind, control = sys.argv[1:]
    agent = InTheMiddle() if kind == "middle" else OnAHost()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it
    with Listener(control) as listener:
        while True:
            with listener.accept() as connection:
                what, arguments = connection.recv()
                do: Callable[..., Any] = getattr(agent, what)
                try:
                    connection.send(do(*arguments))
                except Exception as problem:
                    connection.send(RuntimeError(f"{what}: {problem!r}"))


if __name__ == "__main__":
    main()
