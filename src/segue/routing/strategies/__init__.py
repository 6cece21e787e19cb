"""One file for each way of ordering equals; the file's name is its id in the configuration."""
