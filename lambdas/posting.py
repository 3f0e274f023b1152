"""The way to connections, for the functions that post to them."""

from backend.connections import ManagementApi
from lambdas.environment import settings

outbound = ManagementApi(settings.posting_url())
