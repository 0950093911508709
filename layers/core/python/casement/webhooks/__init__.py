"""What goes out to other people's servers: how it is signed, where it may go, and the call itself."""
