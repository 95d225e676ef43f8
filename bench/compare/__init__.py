"""The comparison: one guest on every engine that this machine has, and the report of it."""
