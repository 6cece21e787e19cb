"""The window counts exactly, and lets go of slots as wholes."""

from hypothesis import given
from hypothesis import strategies as st

from segue.resilience.window import SLOTS, Window

SPAN = 30.0
WIDTH = SPAN / SLOTS

# Steps of a quarter of a second are exact in binary, so the recount below is exact, too.
steps = st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=120)


@given(steps)
def test_the_counts_equal_a_brute_force_recount(events):
    window, now, seen = Window(SPAN), 0.0, []
    for quarters, marked in events:
        now += quarters / 4
        seen.append((now, marked))
        (window.mark if marked else window.record)(now)
        inside = [is_marked for at, is_marked in seen if int(at / WIDTH) > int(now / WIDTH) - SLOTS]
        assert (window.recorded, window.marked) == (inside.count(False), inside.count(True))


def test_what_happened_leaves_after_the_span_and_not_before_nine_tenths_of_it():
    window = Window(SPAN)
    window.mark(2.9)
    window.advance(2.9 + 0.9 * SPAN)
    assert window.marked == 1
    window.advance(30.0)
    assert window.marked == 0


def test_a_tight_burst_between_two_quiet_spells_is_seen_whole():
    window = Window(SPAN)
    window.record(100.0)
    for _ in range(50):
        window.mark(125.0)
    window.record(128.0)
    assert (window.recorded, window.marked) == (2, 50)


def test_slots_in_which_nothing_happened_count_as_zero():
    window = Window(SPAN)
    window.mark(0.0)
    window.record(15.0)
    window.advance(30.0)
    assert (window.recorded, window.marked) == (1, 0)
    window.advance(45.0)
    assert (window.recorded, window.marked) == (0, 0)


def test_a_silence_longer_than_the_window_empties_it_at_once():
    window = Window(SPAN)
    for second in range(30):
        window.mark(float(second))
    window.advance(1e12)
    assert (window.recorded, window.marked) == (0, 0)


def test_a_clock_that_steps_back_counts_into_the_running_slot():
    window = Window(SPAN)
    window.record(100.0)
    window.mark(10.0)
    window.record(9.0)
    assert (window.recorded, window.marked) == (2, 1)
    window.advance(126.0)
    assert (window.recorded, window.marked) == (2, 1)
    window.advance(129.0)
    assert (window.recorded, window.marked) == (0, 0)
