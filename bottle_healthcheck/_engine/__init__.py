"""Runs checks, caches their outcomes and reports changes. Knows neither Bottle nor HTTP."""
