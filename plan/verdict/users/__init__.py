"""What an update means for those who ask the models: when nothing answers, and which names they find changed."""
