"""What a request may raise."""


class ClosedError(Exception):
    """The client has been closed."""


class TakenOverError(ClosedError):
    """Another connection resumed the session: this client is over."""


class RefusedError(Exception):
    """A request was refused for good; `code` is one of the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class UnansweredError(Exception):
    """No answer to a request has come, and the client does not send it again: it may have been kept, or not.

    Asking again with its `request_id` is safe within the session: what was kept is then not kept twice.
    """

    def __init__(self, reason: str, request_id: str) -> None:
        super().__init__(f"{reason}; the request may have been kept, and may be asked again as {request_id!r}")
        self.request_id = request_id
