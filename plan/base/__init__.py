"""What every other room uses: errors, names, quantities, days, text, bases. Imports no other room of plan/."""
