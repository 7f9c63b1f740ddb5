"""What a user asks of `qup advise`."""

from dataclasses import dataclass

LIMIT, LENGTH = 200, 4096
"Traces scored altogether, and tokens of the longest prompt and trace together, where nothing is said."
PROMPT = "question"


@dataclass(frozen=True)
class Asked:
    """The learner, the files, and what may be said of them."""

    learner: str
    "A folder, a hub id (`owner/name` or `owner/name@commit`), or a YAML file: a study, or `{source: wheel, ...}`."
    files: tuple[str, ...]
    "JSON Lines or another table of traces, a stream each."
    reference: str | None = None
    "The stream that the others are held against, by its name or file; the first if not said."
    limit: int = LIMIT
    "Traces scored altogether; 0: all."
    seed: int = 1
    "By which traces are drawn, where there are more."
    prompt: str | None = None
    "A file of qup/prompts/learner; a study's own, else the question as it stands."
    template: str | None = None
    "A file of qup/templates, for a base model that brings none."
    dtype: str | None = None
    max_length: int = LENGTH
    "Prompt and trace together, tokens; a longer trace is left out and counted."
    question: str | None = None
    "Column, recognised if not said; so are the next two."
    response: str | None = None
    answer: str | None = None
