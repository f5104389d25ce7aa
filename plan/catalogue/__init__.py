"""The catalogue of cards: what each holds and costs a process, who published that, and how people call it."""
