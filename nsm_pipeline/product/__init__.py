"""The product file: what is measured, on whom, and every way in which it can be wrong."""
