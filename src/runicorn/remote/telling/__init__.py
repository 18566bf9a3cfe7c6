"""What is said of what happens: the log, progress, words that a page can show, and nothing secret among them."""
