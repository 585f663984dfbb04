"""make lock: the hash of every file that may be installed, in requirements-lock.txt (the app) and requirements-dev-lock.txt (its tests).

    pip install --require-hashes -r requirements-lock.txt

Of PyTorch the lock takes the builds for processors alone: the package index's own for Windows and macOS, and for Linux the one that pip
finds on the machine where the lock is made, which has to have been told where PyTorch keeps it. Before it writes anything, every pin is
resolved for every Python and system that we name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "windows", "aarch64-apple-darwin")
LOCKS = {"requirements.txt": "requirements-lock.txt", "requirements-dev.txt": "requirements-dev-lock.txt"}


def main() -> int:
    for python in PYTHONS:
        for platform in PLATFORMS:
            resolved = compiled(
                "requirements.txt", "--python-version", python, "--python-platform", platform, "--only-binary", ":all:"
            )
            sys.stdout.write(f"Python {python} on {platform}: {resolved.count('==')} packages, each with a wheel\n")
    hashes = "".join(f" \\\n    --hash=sha256:{each}" for each in sorted([*hashes_of_torch_elsewhere(), hash_of_torch()]))
    for asked, lock in LOCKS.items():
        text = compiled(asked, "--universal", "--python-version", PYTHONS[0], "--generate-hashes")
        text = re.sub(r"^(torch==\S+)(?: \\\n    --hash=\S+)+", lambda found: found[1] + hashes, text, flags=re.M)
        (ROOT / lock).write_text(f"# Made by `make lock` of {asked}: do not edit.\n{text}", "utf-8")
        sys.stdout.write(f"{lock} is written\n")
    return 0


def compiled(asked: str, *options: str) -> str:
    """What uv resolves. Raises CalledProcessError where it finds no way; it says why itself."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--config-file", "deploy/uv.toml"]
    command = [*uv, "--no-header", "--no-annotate", *options, asked]
    # torch's wheels for Macs are for macOS 14 and newer.
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    ).stdout


def hashes_of_torch_elsewhere() -> list[str]:
    """Of the package index's files for other systems than Linux."""
    found = tomllib.loads(compiled("requirements.txt", "--universal", "--python-version", PYTHONS[0], "--format", "pylock.toml"))
    (torch,) = (package for package in found["packages"] if package["name"] == "torch")
    return [wheel["hashes"]["sha256"] for wheel in torch["wheels"] if "linux" not in wheel["url"].rpartition("/")[2]]


def hash_of_torch() -> str:
    """Of the file that pip would install here."""
    pin = next(line for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line.startswith("torch=="))
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, pin]
        subprocess.run(download, cwd=ROOT, check=True)
        (wheel,) = Path(folder).iterdir()
        sys.stdout.write(f"torch on this machine: {wheel.name}\n")
        return sha256(wheel.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
