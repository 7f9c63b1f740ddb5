"""qup: will this training data help my model, or only look good?

The package knows the science and no paths; `stages/` knows the paths and no science. Importing it is cheap: torch,
transformers, TRL, lm-eval and MLflow are imported in the functions that need them.
"""

__version__ = "0.1.0"
