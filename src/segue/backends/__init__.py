"""What Segue stands on outside itself: the network, the store of records, telemetry."""
