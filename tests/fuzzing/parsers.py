"""The table of everything that reads what strangers write. A new parser is one line in one of its four parts."""

from collections.abc import Sequence
from typing import Final

from fuzzing.of_chats import CHATS
from fuzzing.of_clouds import CLOUDS
from fuzzing.of_operations import OPERATIONS
from fuzzing.of_others import OTHERS
from fuzzing.parser import Parser

PARSERS: Final[Sequence[Parser]] = [*CHATS, *OPERATIONS, *CLOUDS, *OTHERS]
