"""The store's engine is SQLAlchemy's own, loaded without what the store does not use."""

import subprocess
import sys


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_store_loads_no_object_relational_mapper() -> None:
    """It would take six megabytes of every process."""
    loaded = "import sys, segue.backends.store.keys; print([n for n in sys.modules if n.startswith('sqlalchemy.orm')])"
    assert _run(loaded) == "[]"


def test_who_imports_the_package_afterwards_gets_all_of_it() -> None:
    """An application that uses Segue as a library may use SQLAlchemy's sessions itself."""
    program = (
        "from segue.backends.store.engine import AsyncEngine as ours\n"
        "import sqlalchemy.ext.asyncio as package\n"
        "print(package.AsyncEngine is ours, package.AsyncSession.__name__)"
    )
    assert _run(program) == "True AsyncSession"


def test_who_imported_the_package_before_shares_its_classes() -> None:
    """And the other way round."""
    program = (
        "from sqlalchemy.ext.asyncio import AsyncEngine as theirs, AsyncSession\n"
        "from segue.backends.store.engine import AsyncEngine\n"
        "print(theirs is AsyncEngine)"
    )
    assert _run(program) == "True"
