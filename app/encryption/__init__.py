"""Master keys, data keys, and text sealed to the row it belongs to. Knows no feature."""
