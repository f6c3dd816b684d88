"""The live chat: messages, the way in, the way out, and the sockets."""
