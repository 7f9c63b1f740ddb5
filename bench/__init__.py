"""Speed measured side by side with the plain library, in one run on one machine: `make bench`."""
