"""A small shop that uses Footfall as a real one would, and simulated shoppers with a known past."""
