"""The report: what runs and models say of each variant, in words, as JSON and as a page."""
