"""Ways to the network, all behind `segue.core.ports.Transport`."""
