"""The composition root: from settings to a running Segue. The only room that knows concrete classes."""
