"""Series as pyramids: buckets of growing size that answer any window at any zoom without the points, kept on disk.

levels.py has the buckets, window.py what a window needs of them: these two hold numpy, and are loaded where needed.
table.py is one record file, run_choice.py one run in a window, store.py all of them, and cache.py is what stays of them
between two viewers.
"""
