"""The WSGI entry point."""

import sys

from app import create_app
from config import Settings, SettingsError

try:
    app = create_app(Settings.from_environment())
except SettingsError as error:
    sys.exit(f"Streamzy cannot start:\n{error}")
