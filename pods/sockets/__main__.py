"""`python -m pods.sockets`."""

from pods.sockets.server import main

main()
