"""What endpoints cost: tokens, dollars where the study gives a price, and whether the study's budget holds."""

from collections.abc import Iterator, Sequence
from typing import Any

from qup.backends.openai import Backend as Endpoint
from qup.plan.spans import Span, total
from qup.plan.work import Kind, Stage, Work
from qup.study import Study


def endpoints(study: Study) -> dict[str, Endpoint]:
    """The endpoints that the study asks, by the name that their work goes under."""
    own: list[Any] = [getattr(oracle, "api", None) for oracle in study.oracles.values()]
    return {f"{endpoint.model} at {endpoint.base_url}": endpoint for endpoint in own if endpoint is not None}


def of(study: Study, stage: Stage) -> Span | None:
    """US dollars of a stage; None where it asks an endpoint without a price."""
    known = endpoints(study)
    paid = [(work, known[work.model].price) for work in stage.works if work.kind is Kind.CALL]
    if any(price is None for _, price in paid):
        return None
    return total(work.prompt * (p.prompt / 1e6) + work.completion * (p.completion / 1e6) for work, p in paid if p)


def notes(study: Study, stages: Sequence[Stage]) -> Iterator[str]:
    """A line per endpoint: its tokens, and whether they are more than its budget."""
    for name, endpoint in endpoints(study).items():
        works = [work for stage in stages for work in stage.works if work.model == name]
        if not works:
            continue
        tokens = total(work.prompt + work.completion for work in works)
        yield f"{name}: {_millions(tokens)} million tokens in {total(w.items for w in works).mid:,.0f} calls" + _held(
            tokens, endpoint, works
        )


def _held(tokens: Span, endpoint: Endpoint, works: Sequence[Work]) -> str:
    if tokens.mid > endpoint.budget:
        return f", more than its budget of {endpoint.budget:,}: the run will stop there and go on once it is raised"
    return f", within its budget of {endpoint.budget:,}"


def _millions(tokens: Span) -> str:
    return f"{tokens.mid / 1e6:.3g} ({tokens.low / 1e6:.3g} to {tokens.high / 1e6:.3g})"
