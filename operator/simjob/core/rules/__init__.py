"""The rules of the ladder, one file each."""
