"""Reading a folder of a host on which nothing of ours is installed: the one file that is sent, and its client."""
