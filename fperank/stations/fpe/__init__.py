"""A station of the Flow Photo Explorer, by its public API or its database."""
