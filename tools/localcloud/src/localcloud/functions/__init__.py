"""Lambda functions, run as processes on this machine.

A function has worker processes, one event at a time each, as Lambda's execution environments have. Each runs AWS's own
runtime client, `awslambdaric`, against a Runtime API of its own.
"""
