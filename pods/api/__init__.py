"""Pods behind API Gateway, which answer its HTTP integrations."""
