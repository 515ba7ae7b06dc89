"""What simulations said of their results."""
