"""Each addon installs and uninstalls alone, on a database without demo data.

`make test` leaves a copy of the core database, without any addon of ours, and names it in
CORE_DATABASE; each test works on a copy of that copy.
"""

import os
import subprocess
import sys
import uuid

import pytest

from odoo.tools import config

# what has to go when an addon is uninstalled: its models and those of the addons above it
ADDONS = {
    "aftersales_service": "aftersales_warranty_card",
    "aftersales_parts": "aftersales_settlement",
    "aftersales_audit": "aftersales_audit_plan",
}


def run(*command):
    """Run a command; fail with the end of its output if it fails or logs an error."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-4000:]
    errors = [line for line in output.splitlines() if " ERROR " in line or " CRITICAL " in line]
    assert not errors, "\n".join(errors)[-4000:]
    return output


def odoo(database, command, *words):
    """Run a command of Odoo's command line, such as ``server``, on ``database``."""
    options = ("-c", config["config"], "-d", database)
    run(sys.executable, "-m", "odoo", *command.split(), *options, *words)


def tables(database):
    """Return the names of our tables that are in ``database``."""
    names = run(
        "psql", "-AtX", "-d", database, "-c",
        "SELECT tablename FROM pg_tables WHERE tablename LIKE 'aftersales%'",
    )  # fmt: skip
    return set(names.split())


@pytest.fixture
def database():
    core = os.environ.get("CORE_DATABASE")
    assert core, "Run this by `make test`, which prepares a core database."
    name = f"{core}-{uuid.uuid4().hex[:8]}"
    run("createdb", "-T", core, name)
    yield name
    # without force, which fails beside an autovacuum, the superuser's; Odoo has ended by now
    run("dropdb", "--if-exists", name)


@pytest.mark.parametrize("addon", ADDONS)
def test_installs_and_uninstalls_alone(database, addon):
    """An administrator installs one addon from Apps, and is rid of it after uninstalling."""
    assert not tables(database)
    odoo(database, "server", "-i", addon, "--stop-after-init", "--no-http")
    installed = list(ADDONS)[: list(ADDONS).index(addon) + 1]
    absent = set(ADDONS) - set(installed)
    present = tables(database)
    assert {ADDONS[name] for name in installed} <= present
    assert not {ADDONS[name] for name in absent} & present
    odoo(database, "module uninstall", addon)
    assert ADDONS[addon] not in tables(database)
    # those below it are still there and whole
    below = installed[:-1]
    assert {ADDONS[name] for name in below} <= tables(database)
    if below:
        odoo(database, "server", "-u", below[-1], "--stop-after-init", "--no-http")
        odoo(database, "module uninstall", below[0])
    assert not tables(database)
