"""Which candidates may serve a call, and in which order. Pure decisions: no I/O, no clock, no family."""
