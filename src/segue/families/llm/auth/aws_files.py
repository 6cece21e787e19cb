"""AWS's shared files: who is meant by a profile (`~/.aws/credentials` and `~/.aws/config`).

Read as AWS's SDKs read them ("Configuration and credential file settings", AWS SDKs and Tools Reference Guide): both
files are laid over each other, the credentials file counts more, and the other calls its sections `profile NAME`.
"""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from segue.families.llm.auth.files import read_text

_DEFAULT: Final = "default"


def profile_of(environ: Mapping[str, str], chosen: str | None) -> str:
    """The profile that counts: the chosen one, that of AWS_PROFILE, or `default`."""
    return chosen or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or _DEFAULT


def read_profiles(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The settings of every profile, by its name. A file that is missing or cannot be read has none."""
    profiles: dict[str, dict[str, str]] = {}
    home = Path(environ.get("HOME") or Path.home())
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        given = environ.get(variable)
        path = _path(given, home) if given else home / ".aws" / name
        for section, settings in _read(path).items():
            if name == "credentials" or section == _DEFAULT:
                profile = section
            elif section.startswith("profile "):
                profile = section.removeprefix("profile ").strip().strip("\"'")
            else:
                continue
            profiles.setdefault(profile, {}).update(settings)
    return profiles


def _path(given: str, home: Path) -> Path:
    return home / given[2:] if given.startswith("~/") else Path(given)


def _read(path: Path) -> dict[str, dict[str, str]]:
    text = read_text(path)
    return {} if text is None else read_sections(text)


def read_sections(text: str) -> dict[str, dict[str, str]]:
    """The settings of one file by their section; none where it cannot be read."""
    parser = configparser.RawConfigParser(strict=False, default_section="\0")
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    # A key with an indented block below it (`s3 =`) comes with line breaks; nothing of that is for us.
    return {section.strip(): {name: value or "" for name, value in parser.items(section)} for section in parser}
