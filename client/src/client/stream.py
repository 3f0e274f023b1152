"""One stream as a client sees it: what comes next, what is missing, what has been before."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Stream(Generic[T]):
    """Puts what arrives in any order, or twice, into order, once.

    `epoch` and `seq` are where the client is: everything up to there has been handed on. `end` is the furthest place
    of which it knows. Nothing is known before the first `place`.
    """

    epoch: int | None = None
    seq: int = 0
    end: int = 0
    _early: dict[tuple[int, int], T] = field(default_factory=dict)

    @property
    def has_gap(self) -> bool:
        """Whether something is there that has not arrived."""
        return self.epoch is not None and self.seq < self.end

    def place(self, epoch: int, after: int, end: int) -> tuple[list[T], bool]:
        """The server says that what is behind `after` follows, up to `end`.

        What can be handed on now, and whether something before that was lost.
        """
        if self.epoch is None:
            self.epoch, self.seq, self.end = epoch, after, end
            arrived, self._early = sorted(self._early.items()), {}
            ready = [one for place, item in arrived for one in self.put(*place, item)]
            return ready, epoch not in {0, self.epoch}
        if (epoch, after) <= (self.epoch, self.seq):
            self.end = max(self.end, end) if epoch == self.epoch else self.end
            return self._ready(), False
        # A stream that had not begun when the client looked, at epoch 0, has lost nothing by beginning.
        skipped = after - (self.seq if epoch == self.epoch else 0)
        continues = self.epoch in {0, epoch}
        self.end = max(self.end, end) if epoch == self.epoch else end
        self.epoch, self.seq = epoch, after
        released = self._release()
        return released + self._ready(), not continues or len(released) < skipped

    def put(self, epoch: int, seq: int, item: T) -> list[T]:
        """Something has arrived at a place; what can be handed on now."""
        if self.epoch is not None and (epoch, seq) <= (self.epoch, self.seq):
            return []  # a repeat, or of an epoch that is over
        self._early[epoch, seq] = item
        if self.epoch is None:
            return []
        released: list[T] = []
        if epoch > self.epoch:
            self.epoch, self.seq, self.end = epoch, 0, seq
            released = self._release()
        self.end = max(self.end, seq)
        return released + self._ready()

    def _ready(self) -> list[T]:
        ready = []
        while self.epoch is not None and (item := self._early.pop((self.epoch, self.seq + 1), None)) is not None:
            self.seq += 1
            ready.append(item)
        return ready

    def _release(self) -> list[T]:
        """What is at or before the present place, in order."""
        places = sorted(place for place in self._early if place <= (self.epoch or 0, self.seq))
        return [self._early.pop(place) for place in places]
