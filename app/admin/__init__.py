"""The dashboard: pages for admins. It has no models and no policy of its own."""
