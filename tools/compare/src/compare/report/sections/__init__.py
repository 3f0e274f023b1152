"""The parts of a report's page, each from the part of the document that it shows."""
