"""What every command uses: its error, its tables, tokens, and files read up to a limit and written whole."""
