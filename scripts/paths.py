"""Where things are: the clone, its own state, and the cache that every clone of a user shares."""

import ast
import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDONS = ROOT / "addons"
STATE = ROOT / ".aftersales"
"""The clone's own database, files and logs."""
LOGS = STATE / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "aftersales"
"""Shared by the user's clones: Odoo, the virtual environment and the prepared core database."""

UNUSED_DAYS = 30
"""What no run used for so long is removed from the cache."""


def fingerprint(*parts):
    """A short name made of ``parts``, for something that must change when one of them does."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def addons():
    """The manifests of the addons in this clone, by name."""
    return {
        path.parent.name: ast.literal_eval(path.read_text(encoding="utf-8"))
        for path in sorted(ADDONS.glob("*/__manifest__.py"))
    }


def addons_fingerprint():
    """Changes whenever a file of an addon does, except tests and what Python compiles."""
    parts = []
    for path in sorted(ADDONS.rglob("*")):
        inside = path.relative_to(ADDONS).parts
        if path.is_file() and "__pycache__" not in inside and "tests" not in inside:
            parts += [path.relative_to(ADDONS), hashlib.sha256(path.read_bytes()).hexdigest()]
    return fingerprint(*parts)


@contextmanager
def lock(path, on_wait=None):
    """Hold ``path`` alone among all processes of the machine; freed even if we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait:
                print(f"    {on_wait}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def built_once(target):
    """Yield ``target``, an empty folder to fill, or None if it is there and complete.

    Two clones may want the same thing at once: one builds it, the other waits. A mark is set
    at the very end, so that a build that was broken off is never taken for a whole one.
    """
    mark = target / ".complete"
    if mark.exists():
        os.utime(mark)
        yield None
        return
    with lock(target.with_name(f"{target.name}.lock"), f"waiting: another run makes {target}"):
        if mark.exists():
            yield None
            return
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        try:
            yield target
            mark.touch()
        finally:
            if not mark.exists():
                shutil.rmtree(target, ignore_errors=True)
    _forget_unused(target)


def _forget_unused(new):
    """Remove what is of the kind of ``new`` and belongs to versions of the past."""
    kind = new.name.split("-")[0]
    for mark in CACHE.glob(f"{kind}-*/.complete"):
        if time.time() - mark.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(mark.parent, ignore_errors=True)
