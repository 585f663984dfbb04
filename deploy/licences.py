"""make licences: the licence of every package that the app installs, into docs/licences.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """# Licences

What `pip install -r requirements.txt` installs on Linux, and under which licence, as each package says itself. Made by `make licences`;
the hash of every file is in `requirements-lock.txt`. The code of Glass GPT is under the MIT licence, its embedded model too.

| package | version | licence |
|---|---|---|
"""


def main() -> int:
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements-lock.txt").read_text("utf-8"), re.M)
    tool = str(Path(sys.executable).with_name("pip-licenses"))
    ask = [tool, "--from=mixed", "--with-system", "--format=json", "--order=name", "--packages", *names]
    found = json.loads(subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout)
    lines = [f"| {each['Name']} | {each['Version']} | {each['License'].strip().splitlines()[0]} |" for each in found]
    (ROOT / "docs/licences.md").write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    sys.stdout.write(f"docs/licences.md: {len(lines)} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
