"""The report's second half: metrics before training, budgets, sample and problem counts, methods."""

from typing import Any

from qup.report.predictors import NULL
from qup.report.view import DASH, Cell, Section, Table, number, settings, word


def sections(summary: dict[str, Any]) -> list[Section]:
    """Sections after the plots."""
    return [
        metric_section(summary),
        predictor_section(summary),
        budget_section(summary),
        problem_section(summary),
        study_section(summary),
        method_section(summary),
    ]


def metric_section(summary: dict[str, Any]) -> Section:
    """Every compatibility metric's mean over the traces of each arm."""
    arms = summary["arms"]
    names = sorted({name for arm in arms.values() for name in arm["compat"]}, key=lambda x: (x.startswith(NULL), x))
    rows = [[Cell(name), *(number(arm["compat"].get(name), 3) for arm in arms.values())] for name in names]
    text = "Means over traces, from one forward pass of the untrained learner; null metrics stand last."
    table = Table(["metric", *(arm["label"] for arm in arms.values())], rows)
    return Section("Compatibility before training", [text], tables=[table] if rows else [], folded=True)


def predictor_section(summary: dict[str, Any]) -> Section:
    """Spearman's correlation of each proxy with utility."""
    by_objective = summary["predictors"]
    names = list(next(iter(by_objective.values()), {}))
    names.sort(key=lambda name: name.startswith(NULL))
    rows = [[Cell(name), *(number(found.get(name)) for found in by_objective.values())] for name in names]
    text = (
        f"Spearman's rank correlation with U over the arms (n counts arms, at most {len(summary['arms'])}): few "
        "points, many metrics, no correction. A pattern to test on further studies, not a finding. A metric beaten by "
        "a null metric has shown nothing."
    )
    table = Table(["metric", *(o.upper() for o in by_objective)], rows)
    return Section("Which proxy goes with utility?", [text], tables=[table] if rows else [], folded=True)


def budget_section(summary: dict[str, Any]) -> Section:
    """What each stream and each training run cost."""
    arms = list(summary["arms"].values())
    kinds = sorted({kind for arm in arms for kind in arm["stream"]["outcomes"]})
    columns = ["arm", *kinds, "Oracle calls", "Oracle tokens", "solved stratum", "failed stratum"]
    streams = Table(
        columns, [_stream_row(arm, kinds) for arm in arms], caption="Traces per outcome and what they cost."
    )
    runs = Table(
        ["arm", "objective", "runs", "traces", "cut at max_length", "tokens a run", "steps a run"],
        [row for arm in arms for row in _run_rows(arm)],
        caption="Training runs; tokens are completion tokens, epochs counted.",
    )
    return Section("Budgets and counts", tables=[streams, runs], folded=True)


def _stream_row(arm: dict[str, Any], kinds: list[str]) -> list[Cell]:
    stream = arm["stream"]
    counts = [stream["outcomes"].get(kind, 0) for kind in kinds]
    counts += [stream["attempts"], stream["oracle_tokens"]]
    counts += [stream["strata"].get(key, 0) for key in ("solved", "failed")]
    return [Cell(arm["label"]), *(Cell(f"{count:,}") for count in counts)]


def _run_rows(arm: dict[str, Any]) -> list[list[Cell]]:
    rows = []
    for objective in dict.fromkeys(run["objective"] for run in arm["training"]):
        runs = [run for run in arm["training"] if run["objective"] == objective]
        spans = [_span([run[key] for run in runs]) for key in ("traces", "truncated", "tokens", "steps")]
        rows.append([Cell(arm["label"]), word(objective.upper()), Cell(str(len(runs))), *map(Cell, spans)])
    return rows or [[Cell(arm["label"]), Cell(DASH, "no training run"), *[Cell(DASH)] * 5]]


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def problem_section(summary: dict[str, Any]) -> Section:
    """The learner's own samples by verdict, and the problems' checks."""
    samples = summary["samples"]
    text = f"The learner solved {samples['solved']} of {samples['problems']} problems with {samples['traces']} samples."
    verdicts = Table(
        ["verdict", "samples"],
        [[Cell(name), Cell(f"{count:,}")] for name, count in samples["verdicts"].items()],
        caption="Sampled traces by verdict.",
    )
    checks = Table(
        ["check", "value"],
        [[Cell(name), Cell(str(value))] for name, value in flat(summary["problems"])],
        caption="Checks of the problems: gold answers graded, overlap of training and held-out sets.",
    )
    tables = [table for table in (verdicts, checks) if table.rows]
    return Section("Problems and samples", [text], tables=tables, folded=True)


def flat(given: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings or counts as (dotted name, value)."""
    if not isinstance(given, dict):
        return [(prefix, given)]
    return [pair for key, value in given.items() for pair in flat(value, f"{prefix}.{key}" if prefix else str(key))]


def study_section(summary: dict[str, Any]) -> Section:
    """What was run, as the study file declares it."""
    study = summary["study"]
    rows = [
        ["learner", settings(study["learner"])],
        *([f"Oracle {name}", settings(dials)] for name, dials in study["oracles"].items()),
        *([f"model {name}", settings(found)] for name, found in study["models"].items()),
        ["problems", "; ".join(settings(source) for source in study["sources"])],
        ["streams cover", f"{study['scope']} problems, {study['samples']} samples each"],
        [
            "training",
            f"{study['method']}; {', '.join(study['objectives'])}; seeds {', '.join(map(str, study['seeds']))}",
        ],
        ["evaluation", f"{', '.join(study['tasks'])}; k = {study['k']}; T = {study['temperature']:g}"],
    ]
    return Section("What was run", tables=[Table(["setting", "value"], [[Cell(a), word(b)] for a, b in rows])])


def method_section(summary: dict[str, Any]) -> Section:
    """Definitions, sources and where each number was read."""
    study = summary["study"]
    level = f"{100 * study['level']:g}%"
    bullets = [
        "**Q**, perceived quality: mean reward of a stream's traces; the verdict goes by the first reward model, "
        f"`{summary['primary_reward']}`. `panel` averages the reward models of a trace, each in standard deviations "
        "over the traces of all arms. `answer` is our grader: a check, not a perception.",
        f"**U**, utility: mean over training seeds of Avg@{study['k']} of the trained learner minus that of the "
        "untrained one, in accuracy points, on the held-out problems alone. Truncated and unparsed answers are not "
        "correct, and are counted beside.",
        "**PPL**: the untrained learner's perplexity on completion tokens, end-of-sequence included. Micro is "
        "exp(sum NLL / sum tokens), macro the mean over traces of exp(NLL / tokens); "
        "a quarter weighs traces by its tokens.",
        "**V**, **C**, interaction: see Logic and style. **PI**: see Paradox index. A control's outcome goes by its "
        "interval alone, uncorrected.",
        "**Manipulation check**: paired differences from the native traces of the same problems, over traces that the "
        "parser reads; a difference counts as none if its interval holds 0 or it is below 0.02.",
        f"Intervals: {level}, percentile, {study['resamples']} paired bootstrap draws of problems, each with all its "
        "samples, crossed with draws of training seeds; training and held-out problems are drawn apart. A rate of "
        "exactly 0 or 1 has the Clopper-Pearson interval over problems. **Resolved**: the interval excludes 0 and, "
        "for declared contrasts, Holm's p is at most " + f"{1 - study['level']:.2g}.",
        "**MDE**: (z(1 - alpha/2) + z(power)) times the bootstrap standard error.",
        "Kendall's tau is tau-a over arms; rank correlations take n = arms.",
        "The paradox, the streams and the objectives follow arXiv 2606.16152; DFT is arXiv 2508.05629, the prequential "
        "code length arXiv 1802.07044. None of the "
        "numbers here is taken from a paper.",
        "Read from: the study file; per arm `stream.jsonl`, `scores.jsonl`, `compat.jsonl`, `trajectory.jsonl`, "
        "`runs.jsonl`, `evals.jsonl`; `base/evals.jsonl`, `traces.jsonl`, `problems/checks.json`; a made learner's "
        "`pretraining.jsonl`.",
    ]
    return Section("Methods", bullets=bullets)
