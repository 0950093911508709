"""The `casement` command: what an operator does to a stack, deployed or local. docs/cli.md describes it."""
