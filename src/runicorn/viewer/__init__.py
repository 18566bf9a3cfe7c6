"""The process that serves the page and the API."""
