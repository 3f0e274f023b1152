"""The data plane of an API Gateway WebSocket API, without sockets, clocks or processes.

`model` says what an API is, `selection` which route a message takes, `events` what an integration is told, and
`core` what happens: events and the time go in, effects come out. `localcloud.server` carries the effects out.
"""
