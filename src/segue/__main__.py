"""`python -m segue` is the same as `segue`: for machines where the script is not on the path."""

from segue.cli.main import run

if __name__ == "__main__":
    run()
