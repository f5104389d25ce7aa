"""The no-change preview of production against an empty program: what each spends, by process and by step."""
