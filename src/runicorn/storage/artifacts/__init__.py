"""Named, versioned sets of files, stored by content: their names and manifests (pure), and what reads and writes them.

No lock, no database, no daemon: a version's number is claimed by creating its file, and that file never changes.
"""
