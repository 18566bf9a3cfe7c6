"""The storage root: runs as folders of plain files. Knows nothing of HTTP or SSH.

numpy lives in columns.py and in pyramid/levels.py and window.py, and is loaded where it is needed.
"""
