"""Containers, run as processes on this machine: Kubernetes pods and ECS tasks, what brings requests to them, and what
says how many there are.

Replicas have loopback addresses of their own, so that each can use the ports of its manifest.
"""
