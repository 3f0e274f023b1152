"""The clone of Duplex that this tool is developed in: some tests read its documents, and one runs its variants."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
