"""What a case's Job and pods say about the case."""
