"""``make test``: every test, on a database of its own that is gone afterwards."""

import fcntl
import os
import shutil
import signal
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from . import core_database, odoo_tree, postgres, system_packages, virtualenv
from .odoo_command import Odoo
from .paths import LOGS, ROOT, addons, fingerprint
from .steps import Failed, step

PREFIX = "aftersales-test-"
TEST_LOGS = LOGS / "test"


def test(*arguments):
    """Set everything up, run pytest with ``arguments``, and return its exit code."""
    system_packages.ensure_for_tests()
    tree, python = odoo_tree.ensure(), virtualenv.ensure()
    if not addons():
        raise Failed("There is no addon in addons/.", "Work in a complete clone.")
    _remove_abandoned(python)
    with _temporary_odoo(python, tree) as (odoo, database):
        core = f"{database}_core"
        core_database.provide(odoo, core)
        odoo.duplicate(core, database)
        log = TEST_LOGS / "install.log"
        log.unlink(missing_ok=True)
        with step(f"Installing {', '.join(addons())}", log):
            odoo.install(database, addons(), log)
            # else every worker compiles them at its first page, within the time of a tour
            odoo.inside("generate_assets", database, log)
        command = [python, "-m", "pytest", *_options(odoo, database), *arguments]
        # a test that installs addons itself starts from a copy of the core database
        return odoo.foreground(command, TMPDIR=str(odoo.config.parent), CORE_DATABASE=core)


def _options(odoo, database):
    """What pytest must be told: which Odoo, that it shall serve pages, and on how many cores."""
    options = [f"--odoo-config={odoo.config}", f"--odoo-database={database}"]
    options += ["--odoo-http", "--odoo-log-level=error"]
    workers = os.environ.get("WORKERS") or "2"
    if workers != "0":
        # the tests of one class share a costly set-up
        options += ["-n", workers, "--dist", "loadscope"]
    return options


@contextmanager
def _temporary_odoo(python, tree):
    """An Odoo with a server (or on the user's server, a database) that exists for one run.

    Sockets, ports, data and names are this run's own: it touches neither a running system nor
    the run of another clone.
    """
    database = f"aftersales_test_{fingerprint(ROOT)}_{os.getpid()}"
    with _temporary_folder() as home:
        programs = postgres.programs(python)
        if postgres.external():
            server = postgres.ExternalServer(programs)
            server.start()
        else:
            server = postgres.EmbeddedServer(programs, home / "pg", fast=True)
        odoo = Odoo(python, tree, server, home)
        odoo.configure(max_cron_threads=0, screenshots=TEST_LOGS / "browser")
        try:
            yield odoo, database
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _end_processes(home)
            if postgres.external():
                for name in server.databases():
                    if name.startswith(database):  # and copies made by pytest-xdist and tests
                        server.drop(name)
            server.stop()


@contextmanager
def _temporary_folder():
    """A folder for one run, with a mark that a living process uses it, gone even if killed."""
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        mark = stack.enter_context((folder / "in-use").open("w"))
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield folder


def _remove_abandoned(python):
    """Clean up after runs that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (folder / "in-use").open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_processes(folder)
                postgres.EmbeddedServer(postgres.programs(python), folder / "pg").stop()
                shutil.rmtree(folder)
        except OSError:
            continue  # in use, someone else's, or just being made


def _end_processes(folder):
    """End what is left of pytest, such as a browser: every process that was given ``folder``."""
    mark = f"TMPDIR={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended by now, or another user's
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
