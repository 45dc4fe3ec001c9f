"""The half below the waist: statistics on small tables of counts and sums. No engine, no files."""
