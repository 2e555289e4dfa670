# noqa: A005 - mirrors footfall.http, which nobody imports as http
