"""The intermediate form: a conversation, an answer and a stream of events that belong to no vendor."""
