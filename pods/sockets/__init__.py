"""Pods that hold the WebSockets themselves."""
