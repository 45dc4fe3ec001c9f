"""A first product file from what a source shows: names, kinds of columns, and a few counts."""
