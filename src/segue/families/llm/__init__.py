"""Language models: operations, wire formats (sans-IO) and vendors."""
