"""The half above the waist: tables in the user's engine, as Ibis expressions."""
