"""Speed, as figures of one run: never as a test with a limit, since machines differ."""
