"""Running it: health, refusals to serve, the checklist, error pages."""
