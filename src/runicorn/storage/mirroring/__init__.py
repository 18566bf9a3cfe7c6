"""Logs of others as runs: found below a root, followed while somebody looks, kept in the cache folder."""
