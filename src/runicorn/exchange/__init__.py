"""Runs in and out: imports from other trackers, exports of points, and reading a root from Python."""
