"""What every door passes: headers, limits, origins and input validation."""
