"""`python -m pods.scale_in`."""

from pods.scale_in.controller import main

main()
