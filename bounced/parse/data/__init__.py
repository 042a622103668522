"""Phrases of mail systems, as data."""
