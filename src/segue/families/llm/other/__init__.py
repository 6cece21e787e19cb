"""What can be asked of language models beside a chat: vectors, verdicts, pictures, sound, and counts of tokens."""
