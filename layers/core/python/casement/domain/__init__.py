"""The rules and the vocabulary. Imports the standard library only; nothing here has an effect or reads a clock."""
