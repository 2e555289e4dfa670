"""Typed attributes of products and contacts: definitions, coercion, and which value is latest."""
