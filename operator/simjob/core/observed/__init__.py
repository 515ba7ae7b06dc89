"""Everything that one pass observes: the children, refused creations, and the result of copying the cases."""
