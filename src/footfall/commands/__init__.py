"""What each command does; `footfall.cli` says how it is called."""
