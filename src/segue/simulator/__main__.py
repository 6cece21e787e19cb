"""Someone who tries only the simulator should not need the rest of the product: `python -m segue.simulator`."""

import argparse
import asyncio
import sys

from segue.simulator.faults import FaultError
from segue.simulator.faults.describing import table
from segue.simulator.serving import serve


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the simulator until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m segue.simulator", description="Plays vendors, and their outages.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8089, help="TCP port, 0 for any free one (8089)")
    parser.add_argument("--faults", metavar="FILE", help="faults and schedules to begin with, JSON or YAML")
    parser.add_argument("--seed", type=int, default=1, help="decides all content and all dice (1)")
    parser.add_argument("--kinds", action="store_true", help="print the table of all kinds of fault, and end")
    chosen = parser.parse_args()
    if chosen.kinds:
        sys.stdout.write(table())
        return 0
    try:
        asyncio.run(serve(chosen.host, chosen.port, chosen.faults, chosen.seed, say=_say))
    except KeyboardInterrupt:
        return 0
    except (FaultError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
