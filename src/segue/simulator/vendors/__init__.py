"""The simulated vendors, each written from its public documentation, and how a path is matched to one of them."""

from segue.simulator.vendors.table import DEFAULT_ACCOUNT, ErrorEvents, Vendor, route

__all__ = ["DEFAULT_ACCOUNT", "ErrorEvents", "Vendor", "route"]
