"""Packs of what providers say, one file per provider."""
