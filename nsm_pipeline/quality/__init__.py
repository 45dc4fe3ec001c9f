"""Data checks: what the counts say, and what Great Expectations makes of it."""
