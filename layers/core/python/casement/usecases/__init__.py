"""One function for each thing the system does. What it needs from outside is an argument."""
