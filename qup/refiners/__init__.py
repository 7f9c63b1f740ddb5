"""Refiners, one per file: class `Refiner`, a frozen dataclass with one method (protocol: `qup.streams.Refiner`)."""
