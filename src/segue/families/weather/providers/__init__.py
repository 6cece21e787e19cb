"""Weather vendors, one module each; the file's name is the adapter's id, and the registry finds `ADAPTER` in it."""
