"""Sessions: a viewer on a server and the way to it, from the start to the end, across lost links and our own end."""
