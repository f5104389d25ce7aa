"""`bin/local-llm verify`: does every model of an endpoint answer rightly, and how fast?"""
