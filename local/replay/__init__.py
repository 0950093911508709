"""Post a folder of webhooks to a running Casement, then again in another order and other batches, and compare."""
