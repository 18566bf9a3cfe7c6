"""Where runs come from. The viewer's routes ask sources, and see no file and no path of any disk."""
