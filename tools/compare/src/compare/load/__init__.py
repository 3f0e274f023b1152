"""One load on several servers: what it costs them, what it does to their clients, and which differ."""
