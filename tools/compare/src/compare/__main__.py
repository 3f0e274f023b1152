"""`compare`, or `python -m compare`: choose between the ways to run the backend."""

from compare.cli import main

if __name__ == "__main__":
    main()
