"""The demo station: a simulated brook, its weather, its gauge and its photos."""
