"""The storage root: runs as folders of plain files. Knows nothing of HTTP or SSH; numpy lives in columns.py alone."""
