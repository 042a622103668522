"""The JSON Schemas of what we send, generated from ``bounced.event``."""
