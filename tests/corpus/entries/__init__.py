"""The entry points of the program, each with inputs for it: made by hand, and made from valid ones."""
