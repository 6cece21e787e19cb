"""How long it takes until Segue is there: to import, to answer `--help`, to serve its first request.

    python -m benchmarks.start

Prints the median of several cold processes. Goals: import under 0.3 s, help under 0.5 s, ready under 2 s.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

RUNS = 7
CONFIG = (
    'store: "sqlite:///{folder}/segue.db"\nproviders:\n  one: {{adapter: openai, key: sk-not-used, models: [gpt-4o]}}\n'
)


def timed(command: list[str]) -> float:
    """Seconds that a command takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def ready() -> float:
    """Seconds from the start of `segue up` until /ready answers with 200."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "segue.yaml"
        config.write_text(CONFIG.format(folder=folder))
        port = 20000 + os.getpid() % 20000
        start = time.perf_counter()
        command = [sys.executable, "-m", "segue", "up", "--config", str(config), "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
            try:
                while time.perf_counter() - start < 30:
                    try:
                        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as answer:
                            if answer.status == 200:
                                return time.perf_counter() - start
                    except OSError:
                        time.sleep(0.005)
                raise SystemExit("the service did not get ready within 30 s")
            finally:
                service.terminate()


def main() -> None:
    """Measure and print."""
    python = sys.executable
    empty = [timed([python, "-c", "pass"]) for _ in range(RUNS)]
    rows = {
        "python alone": empty,
        "import segue": [timed([python, "-c", "import segue"]) for _ in range(RUNS)],
        "import segue, use Segue": [timed([python, "-c", "from segue import Segue; Segue()"]) for _ in range(RUNS)],
        "segue --help": [timed([python, "-m", "segue", "--help"]) for _ in range(RUNS)],
        "segue up until /ready": [ready() for _ in range(RUNS)],
    }
    print(f"start-up, seconds (median, least, most of {RUNS} processes, files cached)")
    for name, seconds in rows.items():
        print(f"  {name:26} {statistics.median(seconds):6.3f} {min(seconds):6.3f} {max(seconds):6.3f}")


if __name__ == "__main__":
    main()
