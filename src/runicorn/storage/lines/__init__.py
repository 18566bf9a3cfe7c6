"""Series as they are drawn: buckets for the pixels of a chart, groups of runs as a line with its band.

reader.py chooses where buckets come from; the others hold numpy, are pure, and are loaded where needed.
"""
