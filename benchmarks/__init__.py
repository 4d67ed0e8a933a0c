"""Speed and memory, one command each. Nothing here is a test: machines differ."""
