"""What people write about Segue, read with care: every problem with its line and its remedy.

`load` reads a file, `discover` does without one, `models` says what a configuration is, `policy` turns its numbers
into those of one operation, `schema` describes all of it for editors. Nothing here knows an adapter, a strategy or
an operation by name: the caller passes what is `Known`.
"""
