"""``make run``, ``stop``, ``reset`` and ``shell``: the system with demo data, on this machine."""

import http.client
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path

from . import core_database, odoo_tree, postgres, system_packages, virtualenv
from .odoo_command import Odoo
from .paths import LOGS, STATE, addons, addons_fingerprint, fingerprint, lock
from .steps import Failed, step

DATABASE = "aftersales"
MAKING = "aftersales_making"
"""The database's name until it is complete."""
FIRST_PORT = 8069
START_SECONDS = 180
STOP_SECONDS = 20
WELCOME = Path(__file__).with_name("welcome.txt")


def run():
    """Bring everything up that is not up, and say where it is and what to click first."""
    with lock(STATE / "lock", "waiting: another `make run` is at work in this clone"):
        odoo = _odoo()
        _ensure_database(odoo)
        port = _ensure_server(odoo)
    print(WELCOME.read_text(encoding="utf-8").format(address=f"http://127.0.0.1:{port}"))
    if not system_packages.has_pdf_printer():
        print("Printing PDF documents needs wkhtmltopdf:  sudo apt-get install wkhtmltopdf\n")


def stop():
    """Stop the web server and, if it is ours, the database server."""
    if _home().exists():
        odoo = _odoo()
        _stop_server(odoo)
        odoo.server.stop()
    print("Stopped. The data are kept; `make run` continues, `make reset` removes them.")


def reset():
    """Remove the database and its files, so that the next run makes them anew.

    A server of the user is left without anything of ours, the core database included.
    """
    if postgres.external() or _home().exists():
        odoo = _odoo()
        _stop_server(odoo)
        if postgres.external():
            odoo.server.start()
            for name in odoo.server.databases():
                if name in (MAKING, DATABASE) or name.startswith(core_database.NAME):
                    odoo.server.drop(name)
        odoo.server.stop()
        shutil.rmtree(_home(), ignore_errors=True)
    print("The database and its files are gone; `make run` makes new ones.")


def shell():
    """Odoo's Python shell on the database."""
    odoo = _odoo()
    if _has_data(odoo):
        odoo.server.start()
        if DATABASE in odoo.server.databases():
            return odoo.foreground(odoo.command("shell", "-d", DATABASE, "--no-http"))
    raise Failed("There is no database yet.", "Type `make run` first.")


def _home():
    """The folder for one server: the embedded one and the user's share nothing."""
    if postgres.external():
        address = os.environ["PGHOST"], os.environ.get("PGPORT", "")
        return STATE / f"run-{fingerprint(*address)}"
    return STATE / "run"


def _odoo():
    tree, python = odoo_tree.ensure(), virtualenv.ensure()
    programs = postgres.programs(python)
    if postgres.external():
        server = postgres.ExternalServer(programs)
    else:
        server = postgres.EmbeddedServer(programs, _home() / "postgres")
    return Odoo(python, tree, server, _home())


def _has_data(odoo):
    """Whether there can be a database: with an embedded server, not before it was set up."""
    return postgres.external() or odoo.server.data.exists()


def _ensure_database(odoo):
    """Make the database, or update it when the addons or Odoo changed since."""
    ours = addons()
    if not ours:
        raise Failed("There is no addon in addons/.", "Work in a complete clone.")
    now = {"addons": addons_fingerprint(), "odoo": odoo_tree.version(odoo.tree)}
    if _has_data(odoo):
        odoo.server.start()
        comment = odoo.server.databases().get(DATABASE)
        if comment is not None:
            _update(odoo, ours, _made_from(comment), now)
            return
    _make(odoo, ours, now)


def _made_from(comment):
    try:
        return json.loads(comment)
    except ValueError:
        raise Failed(
            f"The server has a database `{DATABASE}` that was not made by `make run`.",
            "Rename or remove that database, or name another server by PGHOST=.",
        ) from None


def _make(odoo, ours, now):
    log = _fresh_log("install.log")
    odoo.configure()
    core_database.provide(odoo, MAKING)
    with step(f"Installing {', '.join(ours)} with demo data", log):
        odoo.install(MAKING, ours, log)
        odoo.inside("demonstrate", MAKING, log, ",".join(ours))
        odoo.inside("generate_assets", MAKING, log)
    odoo.server.describe(MAKING, json.dumps(now))
    shutil.rmtree(odoo.filestore(DATABASE), ignore_errors=True)
    odoo.filestore(MAKING).rename(odoo.filestore(DATABASE))
    odoo.server.rename(MAKING, DATABASE)


def _update(odoo, ours, made_from, now):
    if made_from == now:
        return
    _stop_server(odoo)
    log = _fresh_log("update.log")
    odoo.configure()
    names = ours if made_from.get("odoo") == now["odoo"] else ["base"]
    with step(f"Updating {', '.join(names)}: the code changed since the last run", log):
        odoo.install(DATABASE, names, log, "-u")
        odoo.inside("check_installed", DATABASE, log, ",".join(ours))
    odoo.server.describe(DATABASE, json.dumps(now))


def _fresh_log(name):
    log = LOGS / name
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return log


def _ensure_server(odoo):
    """Start the web server unless it runs, and return its port."""
    wanted = os.environ.get("PORT")
    if running := _running(odoo):
        if _answers(running["port"]) and wanted in (None, "", str(running["port"])):
            return running["port"]
        if wanted:
            _port(wanted)
        _stop_server(odoo)
    port = _port(wanted)
    odoo.configure(http_port=port, gevent_port=port + 1, dbfilter=f"^{DATABASE}$")
    log = _fresh_log("server.log")
    failure = Failed("The web server did not start.", "The end of the log tells why.", log)
    with step(f"Starting the server on port {port}", log):
        odoo.inside("be_at", DATABASE, log, f"http://127.0.0.1:{port}")
        process = odoo.start(DATABASE, log)
        _process_file(odoo).write_text(json.dumps({"pid": process.pid, "port": port}))
        end = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > end:
                _stop_server(odoo)
                raise failure
            time.sleep(0.5)
    return port


def _process_file(odoo):
    """Where the process and the port of the running server are kept."""
    return odoo.config.with_name("server.json")


def _running(odoo):
    """What is known of the running server; None if it does not run."""
    try:
        process = json.loads(_process_file(odoo).read_text())
        command = Path(f"/proc/{process['pid']}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    # the number may have gone to another process since
    return process if os.fsencode(odoo.config) in command else None


def _answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/web/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _port(wanted):
    """The port to serve on: the one asked for, else the first free one."""
    if wanted:
        if not wanted.isdigit() or not _free(int(wanted)):
            raise Failed(f"PORT={wanted} is not a free port.", "Name another, or none.")
        return int(wanted)
    return next(port for port in range(FIRST_PORT, 65535) if _free(port))


def _free(port):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
        return True


def _stop_server(odoo):
    if running := _running(odoo):
        with step("Stopping the server"):
            os.kill(running["pid"], signal.SIGTERM)
            end = time.monotonic() + STOP_SECONDS
            while _running(odoo) and time.monotonic() < end:
                time.sleep(0.2)
            if _running(odoo):
                os.kill(running["pid"], signal.SIGKILL)
    _process_file(odoo).unlink(missing_ok=True)
