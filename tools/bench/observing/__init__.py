"""What is watched and sampled beside a trial."""
