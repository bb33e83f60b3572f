"""Running checks: which run now, what they came to, and who has to know. No Bottle, no HTTP."""
