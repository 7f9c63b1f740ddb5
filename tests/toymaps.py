"""A toy study with a map of two by two: the arms of each cell, and those apart that predict them."""

from planted import answers
from toyreport import NATIVE, Toy, toy

from qup.arms import ArmSettings, Axis, MapSettings

PLACES = [(x, y) for y in range(2) for x in range(2)]
REFINED = {place: f"cell/refined{place[0]}{place[1]}" for place in PLACES}
RFT = {x: f"cell/rft{x}" for x in range(2)}
SAR = {x: f"apart/sar{x}" for x in range(2)}
PLAIN = {x: f"apart/rft{x}" for x in range(2)}
STYLED = {y: f"apart/styled{y}" for y in range(2)}
REFINERS = {"refined": "oracle_refined", "rft": "rejection_sampling", "sar": "style_aligned", "styled": "restyled"}
FURTHER = {
    name: ArmSettings("home", REFINERS[name.split("/")[1].rstrip("01")])
    for group in (REFINED, RFT, SAR, PLAIN, STYLED)
    for name in group.values()
}
REGIMES = MapSettings(
    x=Axis("share of training problems that touch a misconceived fact", (0.0, 1.0)),
    y=Axis("dose of the Oracle's style in its traces", (0.5, 1.0)),
    refined=tuple(tuple(REFINED[x, y] for x in range(2)) for y in range(2)),
    native=(tuple(RFT.values()),),
    repair=tuple((SAR[x], PLAIN[x]) for x in range(2)),
    drift=tuple((PLAIN[0], STYLED[y]) for y in range(2)),
)
RIGHT = {
    **{RFT[0]: 24, RFT[1]: 24, PLAIN[0]: 24, PLAIN[1]: 24},
    **{REFINED[0, 0]: 12, REFINED[1, 0]: 48, REFINED[0, 1]: 6, REFINED[1, 1]: 27},
    **{SAR[0]: 27, SAR[1]: 48, STYLED[0]: 18, STYLED[1]: 12},
}
"Arm to how many of 60 held-out problems it answers right, under either decoding."


def mapped(right: dict[str, int] | None = None, greedy: dict[str, int] | None = None, **settings) -> Toy:
    """The study with these counts of right answers; `greedy` says where greedy ones differ."""
    counts = RIGHT | (right or {})
    made = toy(
        {NATIVE: (1.0, 0.1, 1.3)},
        ladder=dict.fromkeys(FURTHER, (1.0, 0.1, 1.3)),
        beside=FURTHER,
        sets={name: "apart" for name in FURTHER if name.startswith("apart")},
        objectives=("sft",),
        **({"maps": {"regimes": REGIMES}} | settings),
    )
    for name, count in counts.items():
        replicates = sorted({run.replicate for run in made.further[name].runs})
        other = range((greedy or {}).get(name, count))
        rows = answers(range(count), other, objectives=("sft",), replicates=replicates)
        made = made.replaced(name, evals=rows)
    return made
