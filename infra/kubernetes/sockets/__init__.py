"""What is applied to a cluster for the pods that hold sockets."""
