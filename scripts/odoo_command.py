"""Odoo's command line, with the configuration of one database."""

import subprocess

from .paths import ADDONS, LOGS, ROOT
from .steps import Failed, call, copy, wait_or_stop


class Odoo:
    """One Odoo: its code, its server, its folder for files, and the commands it can be given."""

    def __init__(self, python, tree, server, home):
        self.python = python
        self.tree = tree
        self.server = server
        self.config = home / "odoo.conf"
        self.data = home / "data"

    def configure(self, **options):
        """Write the configuration file; ``options`` add to what every Odoo here has."""
        self.data.mkdir(parents=True, exist_ok=True)
        values = {
            "addons_path": ADDONS if ADDONS.is_dir() else "",
            "data_dir": self.data,
            "http_interface": "127.0.0.1",
            "list_db": False,
            **options,
        }
        lines = [f"{key} = {value}\n" for key, value in values.items() if value != ""]
        self.config.write_text("[options]\n" + "".join(lines))

    def filestore(self, database):
        """Where the attachments of ``database`` are."""
        return self.data / "filestore" / database

    def duplicate(self, database, name):
        """Make ``name`` a copy of ``database``, attachments included."""
        self.server.create(name, database)
        copy(self.filestore(database), self.filestore(name), LOGS / "copy.log")

    def environment(self):
        """What every process that imports Odoo needs."""
        return {**self.server.environment(), "PYTHONPATH": str(self.tree)}

    def command(self, *words):
        """The words of a command of Odoo's command line with this configuration."""
        odoo = (self.python, "-m", "odoo", words[0], "-c", self.config, *words[1:])
        return [str(word) for word in odoo]

    def install(self, database, modules, log, how="-i", *options):
        """Install (``-i``) or update (``-u``) ``modules``, and see to it that they are there."""
        names = ",".join(modules)
        failure = Failed(
            f"Odoo could not {'install' if how == '-i' else 'update'} {names}.",
            "The end of the log tells why; correct that, then repeat.",
            log,
        )
        words = ["server", "-d", database, how, names, "--stop-after-init", "--no-http", *options]
        call(self.command(*words), log, failure, env=self.environment(), cwd=ROOT)
        self.inside("check_installed", database, log, names)

    def inside(self, action, database, log, *arguments):
        """Run a function of ``scripts.in_odoo`` on ``database``."""
        failure = Failed(
            f"The set-up of the database stopped in `{action}`.",
            "The end of the log tells why; correct that, then repeat.",
            log,
        )
        command = [self.python, "-m", "scripts.in_odoo", self.config, database, action, *arguments]
        call(command, log, failure, env=self.environment(), cwd=ROOT)

    def foreground(self, command, **variables):
        """Run a command with our terminal, and return its exit code."""
        command = [str(word) for word in command]
        environment = {**self.environment(), **variables}
        return wait_or_stop(subprocess.Popen(command, env=environment, cwd=ROOT))

    def start(self, database, log):
        """Start the web server in the background and return its process."""
        with log.open("ab") as output:
            return subprocess.Popen(
                self.command("server", "-d", database),
                env=self.environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
