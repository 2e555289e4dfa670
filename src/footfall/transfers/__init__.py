"""Files in and out: imports in the background of the server, exports of any list."""
