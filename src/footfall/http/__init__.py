"""The Litestar kit: errors, paging, the auth guard; knows no feature."""
