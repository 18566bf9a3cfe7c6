"""Values that log() takes besides numbers: pictures, sound, text, tables, distributions, figures."""
