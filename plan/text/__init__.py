"""Text from outside: read with limits, shown without harm, and what a URL or a token may be. Imports no other room."""
