"""Words that every other room uses: errors, names, quantities, days, text. Imports no other room of plan/."""
