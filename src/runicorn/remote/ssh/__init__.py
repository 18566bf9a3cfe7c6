"""The SSH libraries, each behind one small Protocol and imported by one file only."""
