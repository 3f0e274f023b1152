"""Pictures and pages: small helpers that write SVG and one self-contained HTML file."""
