"""Casement: the WhatsApp customer service window, known to the second and checked before every send."""
