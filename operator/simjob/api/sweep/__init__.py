"""The cases of a sweep, as users write them."""
