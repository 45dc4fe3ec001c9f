"""The waist of the hourglass: the only shapes that both halves know."""
