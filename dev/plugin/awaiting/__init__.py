"""When an object is ready or gone, and what to tell a person when it is not."""
