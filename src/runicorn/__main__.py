"""`python -m runicorn` is `runicorn`."""

from runicorn.cli.main import main

if __name__ == "__main__":
    main()
