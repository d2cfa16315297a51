"""A database with Odoo's own modules, the Chinese chart and both languages; no addon of ours.

It takes minutes to make, so it is made once and copied: for an embedded server as the whole
stopped cluster in the user's cache, for a server of the user as a database on it. The addons are
then installed into the copy, every time anew.
"""

import os
import shutil
from pathlib import Path

from . import odoo_tree, postgres, virtualenv
from .odoo_command import Odoo
from .paths import CACHE, LOGS, addons, built_once, fingerprint
from .steps import copy, step

MODULES = {
    "account",
    "l10n_cn",
    "maintenance",
    "portal",
    "rating",
    "repair",
    "resource",
    "sale_stock",
    "stock_account",
}
"""What the addons build on; whatever else their manifests name is added."""
NAME = "aftersales_core"


def provide(odoo, database):
    """Make ``database`` on the server of ``odoo`` as a fresh copy, replacing any of that name."""
    server = odoo.server
    key = _key(odoo)
    template = CACHE / f"core-{key}"
    name = f"{NAME}_{key}" if postgres.external() else NAME
    if postgres.external() and name not in server.databases():
        (template / ".complete").unlink(missing_ok=True)
    with built_once(template) as folder:
        if folder:
            _build(odoo, folder, name)
    log = LOGS / "copy.log"
    with step("Copying the core database"):
        if postgres.external():
            server.drop(database)
            server.create(database, name)
        else:
            server.stop()
            shutil.rmtree(server.home, ignore_errors=True)
            copy(template / "postgres", server.home, log)
            server.start()
            server.rename(name, database)
        shutil.rmtree(odoo.filestore(database), ignore_errors=True)
        copy(template / "filestore", odoo.filestore(database), log)


def _key(odoo):
    """Changes with everything that the content of the core database depends on."""
    recipe = [Path(__file__), Path(__file__).with_name("in_odoo.py")]
    return fingerprint(
        odoo_tree.version(odoo.tree),
        virtualenv.requirements_fingerprint(),
        odoo.server.version(),
        *sorted(_modules()),
        *(path.read_text() for path in recipe),
    )


def _modules():
    ours = addons()
    wanted = {name for manifest in ours.values() for name in manifest.get("depends", ())}
    return MODULES | wanted - ours.keys()


def _build(odoo, folder, name):
    """Make the core database ``name`` and leave it, unconnected, for copying."""
    log = LOGS / "core-database.log"
    server = odoo.server
    if not postgres.external():
        server = postgres.EmbeddedServer(server.bin, folder / "postgres", fast=True)
    builder = Odoo(odoo.python, odoo.tree, server, folder)
    builder.configure(addons_path="")
    making = f"{name}_{os.getpid()}"
    try:
        with step("Preparing the core database (once, some minutes)", log):
            if not postgres.external():
                server.initialise()
            builder.install(making, ["base"], log, "-i", "--load-language=en_US,zh_CN")
            builder.inside("be_in_china", making, log)
            builder.install(making, sorted(_modules()), log)
            builder.inside("load_chart", making, log)
            builder.filestore(making).rename(folder / "filestore")
            server.drop(name)
            server.rename(making, name)
    finally:
        if postgres.external():
            server.drop(making)
        else:
            server.stop()
    os.sync()  # the server did not wait for the disk
