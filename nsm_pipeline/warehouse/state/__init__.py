"""The nightly state: what is kept so that a night costs what is new."""
