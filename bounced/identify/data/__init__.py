"""Return paths of other systems, as data."""
