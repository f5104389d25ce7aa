"""What every other room uses: errors, names, quantities, days, bases. Imports plan/text alone."""
