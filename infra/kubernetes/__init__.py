"""What is applied to a cluster: plain objects, made of the names that the stacks know."""
