"""Bytes from addresses: S3, HTTP, and a store of what was fetched.

Take `Fetcher` and `Downloads`. Imports the ground only.
"""
