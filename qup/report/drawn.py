"""What is drawn of arms: known by name before anything is drawn, drawn an arm at a time when first asked for.

A study may have many arms beside its main ones, and most sections ask for a few: draws of all would cost the most of a
report's time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from qup.stats import Draws

Key = tuple[str, str]
"Arm, and name of a quantity."


class Drawn(Mapping[Key, Draws]):
    """(Arm, name) to a mean, or a ratio of sums, over the training problems; `of` an arm are draws by name."""

    def __init__(self, keys: Iterable[Key], of: Callable[[str], Mapping[str, Draws]]) -> None:
        self._keys = dict.fromkeys(keys)
        self._of = of

    def __getitem__(self, key: Key) -> Draws:
        if key not in self._keys:
            raise KeyError(key)
        arm, name = key
        return self._of(arm)[name]

    def __contains__(self, key: object) -> bool:
        # Mapping's own would draw.
        return key in self._keys

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
