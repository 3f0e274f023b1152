"""What several variants are built of."""
