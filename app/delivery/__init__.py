"""The transport under Socket.IO. Knows nothing of chat."""
