"""Speed, side by side with the plain libraries in one run on one machine: `make bench`, results in results.json.

A benchmark is a file of this folder, `<name>.py`, with two names in it: `UNIT`, in which its figures are, and
`measure(given)`, which times each side of the comparison `given.repeats` times. To add one, add its file.

The best run of each side is its figure, because what disturbs a run on a shared machine only ever slows it down.
"""
