"""The embedded PostgreSQL: started once, joined by all, stopped with the last, and back after every kind of death."""

import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.videocraft.embedded.conftest import User, Users, answers

_FORKING_USER = """
import os, sys, time
from pathlib import Path
from videocraft.embedded.server import EmbeddedServer
server = EmbeddedServer.at(Path(sys.argv[1]))
address = server.join()
child = os.fork()
if child:
    print(address, flush=True)
    sys.stdin.readline()
    server.leave()
    print("left", flush=True)
    sys.stdin.read()
    os.kill(child, 9)
    os.waitpid(child, 0)
else:
    server.join()
    time.sleep(60)
"""


def test_the_first_start_makes_a_server_that_answers_and_says_nothing(new_users):
    user = new_users.join()

    assert answers(user.address)
    assert user.leave() == ""


def test_a_second_process_joins_the_server_that_runs(users):
    first = users.join()
    pid = users.postmaster().pid

    second = users.join()

    assert second.address == first.address
    assert users.postmaster().pid == pid


def test_four_first_starts_at_once_make_one_server(new_users):
    started = [new_users.start() for _ in range(4)]
    addresses = {user.line() for user in started}

    assert addresses == {str(new_users.pgdata)}
    assert answers(addresses.pop())
    assert [user.leave() for user in started] == [""] * 4


def test_the_last_user_to_leave_stops_the_server_and_no_other_does(users):
    first, last = users.join(), users.join()

    first.leave()
    assert answers(last.address)

    last.leave()
    assert users.stops_within(0.5)


def test_a_server_whose_only_user_was_killed_is_stopped(users):
    users.join().kill()

    assert users.stops_within(5)


def test_a_killed_user_does_not_keep_the_server_when_the_last_one_leaves(users):
    killed, last = users.join(), users.join()
    killed.kill()
    assert answers(last.address)

    last.leave()

    assert users.stops_within(0.5)


def test_a_killed_user_does_not_take_the_server_from_the_others(users):
    killed, other = users.join(), users.join()

    killed.kill()
    time.sleep(1)  # several of the keeper's intervals

    assert answers(other.address)


def test_a_pid_file_that_names_some_other_live_process_is_seen_through(users):
    users.join().leave()
    stale = [str(os.getpid()), str(users.pgdata), "1700000000", "5432", str(users.pgdata), "", "1 1", "ready"]
    (users.pgdata / "postmaster.pid").write_text("\n".join(stale))

    user = users.join()

    assert answers(user.address)
    assert users.postmaster().pid != os.getpid()


def test_an_empty_pid_file_does_not_prevent_a_start(users):
    users.join().leave()
    (users.pgdata / "postmaster.pid").write_text("")

    assert answers(users.join().address)


def test_a_connection_brings_back_a_server_that_was_killed_in_use(users):
    user = users.connect_through_django()
    assert user.ask() == "videocraft"
    killed = users.postmaster().pid
    os.kill(killed, signal.SIGKILL)

    assert user.ask() == "videocraft"
    assert users.postmaster().pid != killed


def test_a_server_that_was_brought_back_has_a_keeper_of_its_own(users):
    user = users.connect_through_django()
    user.ask()
    os.kill(users.postmaster().pid, signal.SIGKILL)
    user.ask()

    user.kill()

    assert users.stops_within(5)


def test_a_data_directory_too_long_for_a_socket_works(new_users):
    users = Users(new_users.data_dir / ("long" * 20) / "it's deep")
    users.data_dir.mkdir(parents=True)

    user = users.join()
    assert answers(user.address)
    assert len(user.address) < 60

    user.leave()
    assert users.stops_within(0.5)
    assert not os.path.exists(user.address)


def test_a_short_directory_of_another_user_is_not_used_for_the_socket(new_users):
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory of another user")
    users = Users(new_users.data_dir / ("long" * 20) / ("long" * 20))
    users.data_dir.mkdir(parents=True)
    name = hashlib.sha256(os.fsencode(users.pgdata)).hexdigest()[:16]
    taken = Path(f"/tmp/videocraft-pg-{name}")
    taken.mkdir()
    os.chown(taken, 12345, 12345)

    assert "belongs to another user" in users.start().leave()
    taken.rmdir()


def test_a_start_killed_half_way_leaves_nothing_in_the_way(new_users):
    unfinished = new_users.data_dir / "pg-unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    assert answers(new_users.join().address)
    assert not unfinished.exists()


def test_a_forked_child_keeps_the_server_when_its_parent_leaves(users):
    parent = User(users.data_dir, _FORKING_USER)
    address = parent.line()
    time.sleep(0.3)

    assert parent.ask() == "left"
    assert answers(address)

    parent.leave()
    assert users.stops_within(5)


def test_postgresql_variables_of_the_shell_change_nothing(users):
    user = users.connect_through_django(PGPORT="1", PGHOST="/nowhere", PGDATA="/nowhere", LC_ALL="xx_XX")

    assert user.ask() == "videocraft"


def test_data_of_another_postgresql_version_is_refused_with_what_to_do(new_users):
    new_users.join().leave()
    (new_users.pgdata / "PG_VERSION").write_text("12\n")

    stderr = new_users.start().leave()

    assert "incompatible with server" in stderr
    assert "set DATABASE_URL" in stderr
