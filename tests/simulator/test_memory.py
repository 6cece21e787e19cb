"""What an account remembers is bounded, and forgotten in order."""

from segue.simulator.memory import MOST_ACCOUNTS, MOST_BYTES, MOST_ENTRIES, Memories, Memory, Shelf


def test_the_entry_used_longest_ago_is_forgotten_first():
    """A thousand entries, and looking at one keeps it."""
    shelf = Shelf()
    for number in range(MOST_ENTRIES):
        shelf.put(str(number), number)
    assert shelf.get("0") == 0
    shelf.put("new", "x")
    assert (len(shelf), "0" in shelf, "1" in shelf) == (MOST_ENTRIES, True, False)


def test_a_shelf_has_a_limit_in_bytes():
    """What is too large is not kept, and what is large drives out the rest."""
    shelf = Shelf()
    shelf.put("huge", 1, MOST_BYTES + 1)
    assert "huge" not in shelf
    shelf.put("half", 1, MOST_BYTES // 2 + 1)
    shelf.put("other", 2, MOST_BYTES // 2 + 1)
    assert shelf.names() == ["other"]
    assert shelf.drop("other")
    assert not shelf.drop("other")


def test_accounts_remember_apart_and_are_bounded():
    """Each account has its own memory; the one used longest ago is forgotten."""
    memories = Memories()
    memories.of("first").shelf("s").put("x", 1)
    assert memories.of("second").shelf("s").get("x") is None
    assert memories.of("first").shelf("s").get("x") == 1
    for number in range(MOST_ACCOUNTS):
        memories.of(f"a{number}")
    assert memories.of("first").shelf("s").get("x") is None


def test_only_whole_steps_of_a_prefix_count_as_cached():
    """Below the least length nothing, then step by step, and never beyond the first difference."""
    memory = Memory()
    words = [str(number) for number in range(40)]
    assert memory.cached_prefix("m", " ".join(words), least=10, step=5) == 0
    assert memory.cached_prefix("m", " ".join(words[:9]), least=10, step=5) == 0
    assert memory.cached_prefix("m", " ".join([*words[:23], "other"]), least=10, step=5) == 20
    assert memory.cached_prefix("other", " ".join(words), least=10, step=5) == 0
