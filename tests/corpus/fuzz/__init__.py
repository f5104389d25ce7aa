"""`make fuzz`: inputs by hypothesis and by atheris, which sees what code they reach. What it finds is committed."""
