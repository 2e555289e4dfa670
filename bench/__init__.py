"""Reproducible benchmarks; each figure stands beside a baseline of the same run."""
