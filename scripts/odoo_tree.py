"""Odoo 19 itself: Debian's package, unpacked into the cache, or a checkout of the user's.

Debian packages Odoo 19 in its suite *sid*. It is fetched by a private apt configuration, which
needs no rights, leaves the machine's own apt alone, and verifies the archive's signature.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import system_packages
from .paths import CACHE, LOGS, built_once, fingerprint, lock
from .steps import Failed, call, step

PACKAGE = "odoo-19"
LINKED = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
)
"""Packages to which the symbolic links in Odoo's package point."""
FONT_AWESOME, FONT_AWESOME_SUITE = "fonts-font-awesome", "trixie"
"""Odoo wants Font Awesome 4.7; sid has a newer one with other paths."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PYTHON_PATH = Path("usr/lib/python3/dist-packages")
STRIPPED = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
"""Debian leaves this file out (background blur of video calls), and without it the web
client's bundle does not load in a test; an empty file is enough."""


def ensure():
    """Return the folder to put on Python's path; fetch Odoo when there is none yet."""
    if source := os.environ.get("ODOO_SRC"):
        return _checked(Path(source).expanduser().resolve())
    # the fetched version has its own folder; a second run must not ask the archive again
    if ready := _newest():
        return ready
    with lock(CACHE / "odoo-fetch.lock", "waiting: another run fetches Odoo"):
        if ready := _newest():
            return ready
        _fetch()
    return _newest()


def version(tree):
    """What changes when Odoo does: the package's version, or the checkout's commit."""
    found = re.search(rf"{PACKAGE}_([^/]+)", str(tree))
    if found:
        return found[1]
    commit = subprocess.run(
        ["git", "-C", tree, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return fingerprint(tree, commit.stdout)


def _checked(tree):
    release = tree / "odoo" / "release.py"
    if not release.is_file() or not re.search(r"version_info = \(19,", release.read_text()):
        raise Failed(
            f"ODOO_SRC={tree} is not a checkout of Odoo 19.",
            "Give the folder that holds odoo/release.py of version 19, or unset ODOO_SRC.",
        )
    return tree


def _newest():
    complete = list(CACHE.glob(f"{PACKAGE}_*/.complete"))
    newest = max(complete, key=lambda mark: mark.stat().st_mtime, default=None)
    return newest and newest.parent / PYTHON_PATH


def _fetch():
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise Failed(
                f"Odoo 19 is fetched with {program}, which this machine does not have.",
                "Get a checkout of Odoo 19 and give its folder:  make run ODOO_SRC=/path",
            )
    log = LOGS / "odoo-fetch.log"
    downloads = CACHE / "odoo-fetch"
    shutil.rmtree(downloads, ignore_errors=True)
    try:
        with step("Fetching Odoo 19 from the Debian archive (130 MB)", log):
            packages = _download(downloads, log)
        [found] = [package for package in packages if package.name.startswith(f"{PACKAGE}_")]
        with built_once(CACHE / found.name.rsplit("_", 1)[0].replace("%3a", "~")) as folder:
            if folder:
                with step(f"Unpacking Odoo into {folder} (1.3 GB)"):
                    _unpack(packages, folder, log)
    finally:
        shutil.rmtree(downloads, ignore_errors=True)


def _download(folder, log):
    """Download the packages and return their files."""
    mirror = _mirror()
    if not KEYRING.is_file():
        raise Failed(
            f"{KEYRING}, which verifies what Debian's archive delivers, is missing.",
            "Type:  sudo apt-get install debian-archive-keyring",
        )
    for name in ("state/lists/partial", "cache/archives/partial", "files"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: sid {FONT_AWESOME_SUITE}\nComponents: main\n"
        f"Signed-By: {KEYRING}\n"
    )
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "debian.sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Architecture": "amd64",  # all these packages are for any architecture
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", *(f"-o{key}={value}" for key, value in settings.items())]
    failure = Failed(
        f"Odoo 19 could not be fetched from {mirror}.",
        "Check the network, or name another Debian mirror by DEBIAN_MIRROR=, or give a checkout "
        "of Odoo 19 by ODOO_SRC=/path, then repeat.",
        log,
    )
    call([*apt, "update"], log, failure)
    wanted = [f"{PACKAGE}/sid", *(f"{name}/sid" for name in LINKED)]
    wanted.append(f"{FONT_AWESOME}/{FONT_AWESOME_SUITE}")
    call([*apt, "download", *wanted], log, failure, cwd=folder / "files")
    return sorted((folder / "files").glob("*.deb"))


def _mirror():
    """The address of Debian's archive, from the machine's own apt configuration."""
    if mirror := os.environ.get("DEBIAN_MIRROR"):
        return mirror
    if system_packages.os_release("ID") == "debian":
        codename = system_packages.os_release("VERSION_CODENAME")
        listed = subprocess.run(
            ["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False
        ).stdout
        # other archives may use Debian's names, but not those of its updates as well
        for suite in (f"{codename}-updates", codename):
            if found := re.search(rf"^'(http[^']+)/dists/{suite}/InRelease'", listed, re.M):
                return found[1]
    raise Failed(
        "The address of a Debian archive is not known: this machine's apt names none.",
        "Give one:  make run DEBIAN_MIRROR=<address of a Debian mirror>  (Ubuntu also needs the "
        "package debian-archive-keyring), or give a checkout of Odoo 19 by ODOO_SRC=/path.",
    )


def _unpack(packages, folder, log):
    failure = Failed(
        f"Odoo could not be unpacked into {folder}.", "Is the disk full? 2 GB are needed.", log
    )
    for package in packages:
        call(["dpkg-deb", "-x", package, folder], log, failure)
    for addons in (PYTHON_PATH / "odoo" / "addons", PYTHON_PATH / "addons"):
        stub = folder / addons / STRIPPED
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.touch()
