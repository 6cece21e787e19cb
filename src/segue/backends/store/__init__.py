"""Where Segue keeps what must outlive a process: the record of calls, and API keys."""
