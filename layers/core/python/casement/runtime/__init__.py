"""The Lambda edge: settings, wiring, HTTP in and out, logs. Nothing else reads the environment or the clock."""
