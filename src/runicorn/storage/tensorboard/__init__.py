"""TensorBoard's event files as runs: read, followed as they grow, kept as runs of our own format in the cache."""
