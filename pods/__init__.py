"""The backend in containers: pods that hold the sockets themselves."""
