"""Settings that do not fit: the path in a study, the value put there, and what the one line must say."""

from typing import Any

SOURCES = [{"source": "jsonl", "file": "smoke.jsonl"}]


def equal(*names: str, margin: float = 0.05, **others: Any) -> dict[str, Any]:
    return {"idle": {"check": "equal", "arms": list(names), "margin": margin, **others}}


def a_map(**changed: Any) -> dict[str, Any]:
    """A map of two values by one, with what is changed."""
    axes = {"x": {"label": "x", "values": [0, 1]}, "y": {"label": "y", "values": [1]}}
    return {"m": axes | {"refined": [["unfiltered"] * 2], "native": [["home/restyled"] * 2]} | changed}


WRONG: list[tuple[str, Any, str]] = [
    # Keys.
    ("sampling|temprature", 1.0, r"^sampling: unknown key 'temprature': did you mean 'temperature'\? known: max_tok"),
    ("samplng", {}, r"^unknown key 'samplng': did you mean 'sampling'\? known: arms, backend"),
    ("oracles|home|phrase_", "hence", r"^oracles\.home: unknown key 'phrase_': did you mean 'phrase'\?"),
    ("rewards|genrm|min_mas", 0.1, r"^rewards\.genrm: unknown key 'min_mas': did you mean 'min_mass'\?"),
    ("problems|sources|0|fil", "x", r"^problems\.sources\[0\]: unknown key 'fil': did you mean 'file' or 'first'\?"),
    ("training|budget", ..., r"^training: needs 'budget', which is missing$"),
    ("title", ..., r"^needs 'title', which is missing$"),
    ("problems|heldout", ..., r"^problems: needs 'heldout', which is missing$"),
    # Names of things that are files or other entries.
    ("rewards|genrn", {"model": "judge"}, r"^rewards\.genrn: unknown reward 'genrn': did you mean 'genrm'\?"),
    ("rewards|genrm|model", "juge", r"^rewards\.genrm: unknown model 'juge': did you mean 'judge'\?"),
    ("models|judge|source", "randon", r"^models\.judge: unknown model 'randon': did you mean 'random'\?"),
    (
        "models|judge|architecture",
        "lama",
        r"^models\.judge\.architecture: unknown architecture 'lama': did you mean 'llama",
    ),
    (
        "models|judge",
        {"source": "hub", "repo": "a/b"},
        r"^models\.judge: needs 'revision', which is missing$",
    ),
    ("models|judge|source", ..., r"^models\.judge: needs 'source': one of folder, hub, preference"),
    ("models|judge", {"source": "folder", "path": " "}, r"^models\.judge\.path: expected a folder, got ' '$"),
    (
        "models|judge",
        {"source": "folder", "path": "x", "sha256": "abc"},
        r"^models\.judge\.sha256: expected 64 hex digits, got 'abc'$",
    ),
    (
        "models|judge",
        {"source": "hub", "repo": "/data/models/x", "revision": "0" * 40},
        r"^models\.judge\.repo: expected owner/name as on the hub, got '/data/models/x'; .*path: '/data/models/x'",
    ),
    ("problems|sources|0|source", "jsonnl", r"^problems\.sources\[0\]: unknown source 'jsonnl': did you mean 'json"),
    ("compat|rrs", {}, r"^compat: unknown metric 'rrs': did you mean 'rsr'\?"),
    ("prompt", "boxd", r"unknown prompt of the learner 'boxd': did you mean 'boxed' "),
    ("prompt", "systems/qwen_boxed", r"unknown prompt of the learner 'systems/qwen_boxed': did you mean 'qwen_boxed'"),
    ("evaluation|prompt", "boxd", r"^evaluation\.prompt: unknown prompt of the learner 'boxd': did you mean 'boxed' "),
    ("backend|name", "vlm", r"^backend\.name: unknown backend 'vlm': did you mean 'vllm'\? known: auto, hf, vllm"),
    ("backend|name", "openai", r"^backend\.name: unknown backend 'openai': .*known: auto, hf, vllm"),
    ("evaluation|tasks", ["heldot"], r"^evaluation\.tasks\[0\]: unknown task 'heldot': did you mean 'heldout'"),
    ("models|learner", ..., r"^models: needs a 'learner', has: judge, reward_model$"),
    ("oracles", {}, r"^oracles: the first Oracle is called 'home', got: none$"),
    ("oracles", {"voiced": {"oracle": "scripted"}}, r"^oracles: the first Oracle is called 'home', got: voiced$"),
    ("oracles|learner", {"oracle": "scripted"}, r"^oracles: 'learner' is what the native arm is filed under"),
    # Values of the wrong type or out of range.
    ("sampling|n", -1, r"^sampling\.n: expected a number above 0, got -1$"),
    ("sampling|n", 2.5, r"^sampling\.n: expected a whole number, got 2\.5$"),
    ("sampling|n", True, r"^sampling\.n: expected a whole number, got True$"),
    ("sampling|n", "four", r"^sampling\.n: expected a whole number, got 'four'$"),
    ("sampling|top_p", 0, r"^sampling\.top_p: expected a number above 0, got 0"),
    ("sampling|top_p", 1.5, r"^sampling\.top_p: expected a number of at most 1, got 1\.5$"),
    ("sampling|temperature", float("nan"), r"^sampling\.temperature: expected a finite number, got nan$"),
    ("sampling|temperature", "1.0", r"^sampling\.temperature: expected a number, got '1\.0'$"),
    ("sampling", [4], r"^sampling: expected settings \(key: value\), got \[4\]$"),
    ("rewards", ["genrm"], r"^rewards: expected settings \(key: value\), got \['genrm'\]$"),
    ("training|objectives", 1, r"^training\.objectives: expected a list, got 1$"),
    (
        "training|objectives",
        ["sft", "sft"],
        r"^training\.objectives: expected one or more, each once, got \['sft', 'sft'\]",
    ),
    ("training|micro_batch", 3, r"^training\.micro_batch: expected a divisor of batch, 4, got 3$"),
    ("training|clip", 0, r"^training\.clip: expected a number above 0, got 0$"),
    ("training|adam_beta1", 1, r"^training\.adam_beta1: expected "),
    ("training|probes", {"count": 1}, r"^training\.probes\.count: expected "),
    ("problems|replicates", 0, r"^problems\.replicates: expected a number above 0, got 0$"),
    ("problems|training_sets", {"train": {}}, r"^problems\.training_sets: 'train' is made of problems\.sources"),
    (
        "problems|training_sets",
        {"again": {"cuont": 3}},
        r"^problems\.training_sets\.again: unknown key 'cuont': did you",
    ),
    (
        "arms|unfiltered|training_set",
        "trian",
        r"^arms\.unfiltered\.training_set: unknown training set 'trian': did you",
    ),
    ("training|method", "lorra", r"^training\.method: unknown value 'lorra': did you mean 'lora'\? known: full, lora$"),
    ("training|objectives", ["sftt"], r"^training\.objectives\[0\]: unknown objective 'sftt': did you mean 'sft'"),
    (
        "training|budget",
        {},
        r"^training\.budget: needs an amount of tokens, steps or epochs, such as \{tokens: 10000\}$",
    ),
    (
        "training|budget",
        {"epochs": 1, "tokens": 9},
        r"^training\.budget: has amounts of tokens and epochs: say by `match`",
    ),
    ("training|match", "steps", r"^training\.match: the budget has no amount of steps: it has epochs$"),
    ("training|match", ["epochs", "epochs"], r"^training\.match: expected each once, got \['epochs', 'epochs'\]$"),
    ("training|match", "tokes", r"^training\.match\[0\]: unknown value 'tokes': did you mean 'tokens'\?"),
    ("arms|unfiltered|training", {"match": "epochs"}, r"^arms\.unfiltered\.training\.match: is of all arms: give this"),
    ("title", 3, r"^title: expected text, got 3$"),
    ("threads", 0, r"^threads: expected a number above 0, got 0$"),
    ("evaluation|greedy", "yes", r"^evaluation\.greedy: expected true or false, got 'yes'$"),
    ("evaluation|tasks", [], r"^evaluation\.tasks: expected one or more, each once, got \[\]$"),
    ("problems|sources", [], r"^problems\.sources: expected one source or more, got none$"),
    ("problems|sources|0|weight", 0, r"^problems\.sources\[0\]\.weight: expected a number above 0, got 0$"),
    ("problems|sets|heldout", {"sources": SOURCES, "count": 2}, r"^problems\.sets: 'heldout' is made of problems\.so"),
    ("models|learner|hidden", 33, r"^models\.learner\.hidden: expected a multiple of 32, got 33$"),
    ("compat|small", {"metric": "rsr"}, r"^compat: unknown metric 'small': known: aslec"),
    ("compat|rsr", {"metric": "ppl"}, r"^compat\.rsr: 'metric' is given by the entry's name: leave it out$"),
    # Names that would leave their folder.
    ("arms|../up", {"oracle": "home", "refiner": "unfiltered"}, r"^arms: expected names of .*, got '\.\./up'$"),
    ("arms|", {"oracle": "home", "refiner": "unfiltered"}, r"^arms: expected names of .*, got ''$"),
    ("oracles|a/b", {"oracle": "scripted"}, r"^oracles: expected a name of at most 100 of .*, got 'a/b'$"),
    (
        "problems|sets|../train",
        {"sources": SOURCES, "count": 2},
        r"^problems\.sets: expected a name .*, got '\.\./train'$",
    ),
    # Maps.
    ("maps", a_map(refined=[["unfiltered"]]), r"^maps\.m\.refined: expected 1 rows of 2 arms, got \[1\]$"),
    ("maps", a_map(native=[["unfiltered"] * 2] * 2), r"^maps\.m\.native: expected 1 rows of 2 arms, got \[2, 2\]$"),
    (
        "maps",
        a_map(repair=[["unfiltered", "home/restyled"]] * 2),
        r"^maps\.m\.repair: a prediction needs both repair a",
    ),
    (
        "maps",
        a_map(drift=[["unfiltered", "home/restyled"]]),
        r"^maps\.m\.repair: a prediction needs both repair and dri",
    ),
    (
        "maps",
        a_map(repair=[["unfiltered", "home/restyled"]]),
        r"^maps\.m\.repair: expected 2 pairs of arms or none, got 1$",
    ),
    ("maps", a_map(refined=[["unfiltered", "unfilterd"]]), r"^maps\.m: unknown arm 'unfilterd': did you mean 'unfilt"),
    ("maps", a_map(aligned=[["unfiltered"]]), r"^maps\.m\.aligned: expected 1 rows of 2 arms, got \[1\]$"),
    ("maps|a/b", {}, r"^maps: expected a name of at|^maps\.a/b: needs"),
    # Arms and controls.
    ("arms|unfiltered|refiner", "unfilterd", r"^arms\.unfiltered: unknown refiner 'unfilterd': did you mean 'unfilter"),
    ("arms|unfiltered|oracle", "hom", r"^arms\.unfiltered: unknown Oracle 'hom': did you mean 'home'\?"),
    (
        "arms|home/restyled",
        {"oracle": "home", "refiner": "restyled"},
        r"^arms\.home/restyled: is the name of a main arm",
    ),
    ("arms|unfiltered|training", {"batc": 2}, r"^arms\.unfiltered\.training: unknown key 'batc': did you mean 'batch'"),
    ("training|arms", {"home/restyld": {}}, r"^training\.arms: unknown main arm 'home/restyld': did you mean 'home/re"),
    ("training|arms", {"home/restyled": {"rank": 0}}, r"^training\.arms\.home/restyled\.rank: expected a number above"),
    (
        "controls",
        equal("home/restyled"),
        r"^controls\.idle\.arms: 'equal' needs two arms, each once, got home/restyled$",
    ),
    ("controls", equal("a", "a"), r"^controls\.idle\.arms: 'equal' needs two arms, each once, got a, a$"),
    ("controls", {"idle": {"check": "ordered", "arms": ["a", "b"]}}, r"'ordered' needs three arms or more"),
    (
        "controls",
        {"idle": {"check": "factorial", "arms": ["a"]}},
        r"'factorial' needs four arms \(native, restyled, al",
    ),
    (
        "controls",
        {"idle": {"check": "nil", "arms": []}},
        r"^controls\.idle\.check: unknown value 'nil': known: equal, f",
    ),
    ("controls", equal("home/restyled", "unfilterd"), r"^controls\.idle\.arms: unknown arm 'unfilterd': did you mean"),
    (
        "controls",
        equal("home/restyled", "unfiltered", margin=0.0),
        r"^controls\.idle\.margin: an equal check needs the",
    ),
    (
        "controls",
        {"dose": {"check": "identical", "arms": ["home/restyled", "unfiltered"], "margin": 0.1}},
        r"^controls\.dose\.check: margin and quantity are of an equal check, not of 'identical'$",
    ),
    (
        "controls",
        equal("home/restyled", "unfiltered", quantity="genrn"),
        r"^controls\.idle: unknown quantity 'genrn': did",
    ),
]
