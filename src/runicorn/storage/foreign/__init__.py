"""Logs that other tools wrote, read as they grow: which files are some, their points, their config. Touches no files.

recognition.py tells from names and first bytes which files are logs; readers.py gives what takes in their bytes;
config.py reads what lies beside them. Whoever has the files calls these, and keeps a reader's to_json() with what it
wrote, so that another process goes on from there.
"""
