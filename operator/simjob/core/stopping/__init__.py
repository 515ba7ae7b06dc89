"""What the rules share: stopping, early ends, and the Jobs that are kept."""
