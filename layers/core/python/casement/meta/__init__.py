"""Everything Meta: wire formats, signature, Graph client, error codes."""
