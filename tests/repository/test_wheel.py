"""The wheel alone is enough: built, installed in a clean environment outside the checkout, it runs the demo."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with an environment that knows nothing of the checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SEGUE", "VIRTUAL"))}
    done = subprocess.run(
        command, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.mark.timeout(600)
def test_the_wheel_alone_runs_the_demo(tmp_path):
    """Built with hatchling, installed with pip in a fresh environment, `segue demo --once` exits with 0 there."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), cwd=ROOT)
    (wheel,) = tmp_path.glob("segue-*.whl")
    elsewhere = tmp_path / "elsewhere"
    venv.create(elsewhere / ".venv", with_pip=True)
    python = str(elsewhere / ".venv" / "bin" / "python")
    constraints = str(ROOT / "constraints.txt")
    run(python, "-m", "pip", "install", "--quiet", "-c", constraints, f"{wheel}[demo]", cwd=elsewhere)
    where = run(python, "-c", "import segue; print(segue.__file__)", cwd=elsewhere).stdout
    assert str(elsewhere) in where
    demo = run(str(elsewhere / ".venv" / "bin" / "segue"), "demo", "--once", cwd=elsewhere)
    assert "calls that failed" in demo.stdout
