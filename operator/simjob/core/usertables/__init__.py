"""How a user's table of cases is read: CSV, JSON Lines, Parquet."""
