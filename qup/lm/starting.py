"""What every process of ours does first."""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from qup.lm import progress


def begin() -> None:
    """Let any text be shown, and let transformers start without scikit-learn."""
    progress.show_any_text()
    if not any(isinstance(finder, WithoutScikitLearn) for finder in sys.meta_path):
        sys.meta_path.insert(0, WithoutScikitLearn())


class WithoutScikitLearn(MetaPathFinder):
    """Finds nothing, but tells transformers that there is no scikit-learn when it comes to assisted generation.

    That is all that it would import it for, nothing here uses it, and it takes a fifth of what a process needs until it
    can load a model, in each of the dozens that a study starts (bench/starting.py).
    """

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """None, always: the module is found as it would be."""
        if fullname == "transformers.generation.candidate_generator":
            vars(sys.modules["transformers.utils"])["is_sklearn_available"] = lambda: False
        return None
