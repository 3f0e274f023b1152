"""Who said what, who was told so, and who heard it: kept outside of the processes under test."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Messages by name, each to one session. `heard` is what clients handed on, `frames` the places on their wires.

    `told` is what receivers were told of losses: another session, or a history that did not reach.
    """

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    heard: Counter[tuple[int, str]] = field(default_factory=Counter)
    frames: Counter[tuple[int, str | None, int, int]] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    @property
    def delivered(self) -> set[str]:
        """Heard by a client at least once."""
        return {name for _, name in self.heard}

    @property
    def lost(self) -> set[str]:
        """Acknowledged, and never heard."""
        return self.acknowledged - self.delivered

    @property
    def repeated_on_the_wire(self) -> int:
        """Frames whose place had come to the same client before."""
        return sum(self.frames.values()) - len(self.frames)

    @property
    def repeated(self) -> int:
        """Messages that the same client handed on again."""
        return sum(self.heard.values()) - len(self.heard)
