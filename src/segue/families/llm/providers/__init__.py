"""One file for each vendor; the file's name is the adapter's id in the configuration."""
