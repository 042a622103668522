"""Rules for what servers of any make say, by language or subject."""
