"""Rules for what servers of any make say, one file per language."""
