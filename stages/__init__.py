"""One thin file per DVC stage: it knows the paths and no science. Run any with `python -m stages.<name> --help`."""
