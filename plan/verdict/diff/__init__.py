"""What differs between two states of an object, by the names of its parts, in few lines."""
