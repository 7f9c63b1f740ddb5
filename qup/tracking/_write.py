"""What MLflow takes: names, lengths and amounts within its limits."""

import hashlib
import json
import posixpath
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from qup.tracking._runs import Data

T = TypeVar("T")
PARAM_LIMIT, TAG_LIMIT, DIGEST_LIMIT = 6000, 8000, 36
"Longest value of a parameter and of a tag, and longest digest of a data set, that MLflow takes, in characters."
METRICS_A_CALL, PARAMS_A_CALL = 1000, 100
"MLflow's limits for one `log_batch`."
NAME_LIMIT = 250
"MLflow's longest name of a parameter or metric."


def dataset(data: Data) -> Any:
    """Data as MLflow lists a run's data sets: by DVC's hash, with the path that `dvc get` takes."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source, profile = json.dumps({"uri": data.path}), json.dumps({"num_rows": data.traces} if data.traces else {})
    dataset = Dataset(data.path, data.md5[:DIGEST_LIMIT], "local", source, profile=profile)
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", data.context)])


def log(client: Any, run: str, params: Mapping[str, str], points: Sequence[tuple[str, float, int]] = ()) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    for batch in batches((Param(accepted(k), v[:PARAM_LIMIT]) for k, v in params.items()), PARAMS_A_CALL):
        client.log_batch(run, params=batch)
    for batch in batches((Metric(accepted(name), value, now, step) for name, value, step in points), METRICS_A_CALL):
        client.log_batch(run, metrics=batch)


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    while batch := list(islice(items, size)):
        yield batch


def accepted(name: str) -> str:
    """A name that MLflow takes: itself, or one that is like it and like no other."""
    plain = re.sub(r"[^/\w.\- ]", "_", name)
    if plain == name == posixpath.normpath(name) and len(name) <= NAME_LIMIT and name[:1] not in ("", ".", "/"):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub(r'^[./]+|/(?=[./]|$)', '_', plain)[: NAME_LIMIT - 9]}-{mark}"
