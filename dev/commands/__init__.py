"""The commands behind `make up`, `make preview` and their kin."""
