"""A learner as a model of lm-eval, for any of its tasks: texts to go on with, and log-likelihoods of given ones.

How a context becomes tokens, where it is cut, what ends an answer and how a log-likelihood is read are those of
lm-eval's own `HFLM`, part for part, so that a task gives the numbers that the `lm_eval` command gives; our backends do
the work. What differs is said in docs/evaluation.md.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup.backends import Completion, Sampling
from qup.errors import SettingsError
from qup.evals.cells import Cells
from qup.evals.settings import Decoding, longest


def harness_model(cells: Cells, weights: Path | None, seed: int, decoding: Decoding | None = None) -> Any:
    """The learner with `weights` on as an lm-eval `LM`; `decoding` goes before what a request says of it.

    Its `completions` are those of the last `generate_until`, in order. `shortened` says of each request of the last
    call whether its context was too long and lost its beginning; rolling log-likelihoods take windows and lose nothing.
    """
    from lm_eval import utils
    from lm_eval.api.model import TemplateLM
    from lm_eval.models.utils import handle_stop_sequences, has_bos_prefix, postprocess_generated_text

    runner = cells.learner.runner
    words = runner.chat.tokenizer

    class LearnerLM(TemplateLM):  # type: ignore[misc]
        tokenizer = words
        tokenizer_name = str(cells.learner.folder)

        def __init__(self) -> None:
            super().__init__()
            self.completions: list[Completion] = []
            self.shortened: list[bool] = []

        @property
        def eot_token_id(self) -> int:
            return int(words.eos_token_id)

        @property
        def prefix_token_id(self) -> int:
            return self.eot_token_id if words.bos_token_id is None else int(words.bos_token_id)

        def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
            if add_special_tokens is None and has_bos_prefix(string, words.decode(self.prefix_token_id)):
                add_special_tokens = False
            special = {} if add_special_tokens is None else {"add_special_tokens": add_special_tokens}
            return list(words.encode(string, **special))

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            if add_generation_prompt:
                return runner.chat.text(chat_history, add_generation_prompt=True)
            # The task begins the answer itself.
            return runner.chat.text(chat_history[:-1], add_generation_prompt=True) + chat_history[-1]["content"]

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            asked = [_sampling(request.args[1], decoding, seed) for request in requests]
            ids = _ids(requests)
            done: dict[int, Completion] = {}
            self.shortened = [False] * len(requests)
            for sampling in dict.fromkeys(asked):
                rows = [row for row, own in enumerate(asked) if own == sampling]
                prompts = [self._context(row, requests[row].args[0], sampling) for row in rows]
                given = cells.complete(prompts, sampling, [ids[row] for row in rows], weights)
                done |= dict(zip(rows, given, strict=True))
            self.completions = [done[row] for row in range(len(requests))]
            end = words.decode(self.eot_token_id, skip_special_tokens=False)
            return [
                postprocess_generated_text(
                    words.decode(completion.token_ids, skip_special_tokens=True),
                    handle_stop_sequences(list(sampling.stops), eos=end),
                    None,
                )
                for completion, sampling in zip(self.completions, asked, strict=True)
            ]

        def _context(self, row: int, context: str, sampling: Sampling) -> list[int]:
            special = {"add_special_tokens": False} if has_bos_prefix(context, words.bos_token) else {}
            prompt = list(words(context, **special)["input_ids"])
            left = runner.room - sampling.max_tokens
            # A longer context loses its beginning; where answers may fill all positions, the backend shortens them.
            self.shortened[row] = 0 < left < len(prompt)
            return prompt[-left:] if left > 0 else prompt

        def _loglikelihood_tokens(self, requests: Sequence[Any], **kwargs: Any) -> list[tuple[float, bool]]:
            held = [_held(context, given, runner.longest) for _, context, given in requests]
            self.shortened = [len(kept) < len(request[1]) for (kept, _), request in zip(held, requests, strict=True)]
            return cells.loglikelihoods(held, weights)

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            windows = [
                [
                    (None, *utils.make_disjoint_window(window))
                    for window in utils.get_rolling_token_windows(
                        token_list=self.tok_encode(request.args[0]),
                        prefix_token=self.prefix_token_id,
                        max_seq_len=runner.longest - 1,
                        context_len=1,
                    )
                ]
                for request in requests
            ]
            scored = iter(self._loglikelihood_tokens([window for own in windows for window in own]))
            self.shortened = [False] * len(requests)
            return [sum(next(scored)[0] for _ in own) for own in windows]

    return LearnerLM()


def _sampling(generation: dict[str, Any], decoding: Decoding | None, seed: int) -> Sampling:
    """How an answer is decoded, and the texts that end it."""
    until = generation.get("until") or []
    stops = tuple(stop for stop in ([until] if isinstance(until, str) else until) if stop)
    if decoding is not None:
        # Of a task that draws by itself; lm-eval passes over it where nothing is drawn.
        top_p = float(generation.get("top_p", 1.0)) if generation.get("do_sample") and decoding.temperature > 0 else 1.0
        return Sampling(decoding.temperature, decoding.max_tokens, seed, top_p, stops)
    drawn = generation.get("do_sample", float(generation.get("temperature") or 0.0) > 0)
    temperature = float(generation.get("temperature") or 0.0) if drawn else 0.0
    return Sampling(temperature, longest(generation), seed, float(generation.get("top_p", 1.0)), stops)


def _ids(requests: Sequence[Any]) -> list[str]:
    """A name for each request's draw: its task, document and place, and which of its repeats it is."""
    repeats: Counter[str] = Counter()
    names = []
    for request in requests:
        name = f"{request.task_name}/{request.doc_id}/{request.idx}"
        names.append(f"{name}#{repeats[name]}")
        repeats[name] += 1
    return names


def _held(context: list[int], continuation: list[int], longest: int) -> tuple[list[int], list[int]]:
    """The pair with as much of its context as the backend takes beside the continuation, one token or more."""
    if not context or not continuation or len(continuation) >= longest:
        raise SettingsError(
            f"a task asks for the log-likelihood of {len(continuation)} tokens after {len(context)}: expected one or "
            f"more of each, and at most {longest - 1} (backend.max_length, or the model's positions)"
        )
    kept = (context + continuation)[-longest:]
    return kept[: -len(continuation)], continuation
