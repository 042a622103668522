"""Tables and rules, as data."""
