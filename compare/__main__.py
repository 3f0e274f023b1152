"""`python -m compare`: choose between the ways to run the backend."""

from compare.cli import main

main()
