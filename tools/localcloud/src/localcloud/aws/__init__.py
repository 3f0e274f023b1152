"""The AWS services behind the functions: moto, in a process of its own, off the path of a message that needs none."""
