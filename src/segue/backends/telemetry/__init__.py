"""What people and their tools see of a running Segue: metrics and log lines. Both listen to `Signals`."""
