"""The virtual environment with the pinned dependencies, shared by every clone of the user."""

import importlib.util
import sys

from . import system_packages
from .paths import CACHE, LOGS, ROOT, built_once, fingerprint
from .steps import Failed, call, step


def requirements_fingerprint():
    """Changes with the pinned versions."""
    return fingerprint(*(p.read_text() for p in sorted(ROOT.glob("requirements*.txt"))))


def ensure():
    """Return the environment's Python; make the environment when there is none yet."""
    name = fingerprint(requirements_fingerprint(), sys.version, sys.executable)
    target = CACHE / "venv-{}.{}-{}".format(*sys.version_info[:2], name)
    with built_once(target) as folder:
        if folder:
            _make(folder)
    return target / "bin" / "python"


def _make(folder):
    if not importlib.util.find_spec("ensurepip"):
        system_packages.install(["python{}.{}-venv".format(*sys.version_info[:2])])
    log = LOGS / "virtualenv.log"
    with step(f"Making the virtual environment {folder}", log):
        call(
            [sys.executable, "-m", "venv", folder],
            log,
            Failed(
                "The virtual environment could not be made.",
                "See the end of the log; Debian and Ubuntu need the package python3-venv.",
                log,
            ),
        )
        call(
            [folder / "bin" / "python", "-m", "pip", "install", "--no-input"]
            + ["--disable-pip-version-check", "--progress-bar=off"]
            + ["-r", ROOT / "requirements-dev.txt"],
            log,
            Failed(
                "The Python packages could not be installed.",
                "Check the network or pip's configuration (see the end of the log), then repeat.",
                log,
            ),
        )
