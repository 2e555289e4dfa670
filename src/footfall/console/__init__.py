"""The console: pages for people, made of nothing but calls of the REST API."""
