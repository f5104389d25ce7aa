"""What every command uses: its error, and files written whole or not at all."""
