"""The demo: an outage in front of everybody's eyes, and not one failed call. Everything it shows is measured."""
