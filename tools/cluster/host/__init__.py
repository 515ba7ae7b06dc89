"""What the machine gives: processes, addresses, Debian packages, Go and the built programs."""
