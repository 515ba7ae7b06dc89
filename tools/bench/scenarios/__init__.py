"""What is done with a system while the observer looks on; a file each."""
