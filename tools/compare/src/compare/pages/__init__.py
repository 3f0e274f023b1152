"""What pages and pictures are made of: markup, charts, tables, and one self-contained HTML file."""
