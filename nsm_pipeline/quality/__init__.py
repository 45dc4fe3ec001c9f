"""Data checks: what the counts say, and what Great Expectations makes of it."""

import warnings

# Great Expectations imports PySpark wherever it is installed, and PySpark 4.3 warns of pandas 3.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
