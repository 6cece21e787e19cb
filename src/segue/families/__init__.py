"""What can be called: one room per family of operations, each with its types, its formats and its providers."""
