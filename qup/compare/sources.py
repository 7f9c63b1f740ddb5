"""What a name on the command line stands for: a published study, a folder of results, or an experiment of DVC's."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qup import settings
from qup.compare import made, reading
from qup.compare.made import Made
from qup.compare.reading import Published
from qup.errors import SettingsError, hint, shown
from qup.study import Study


def tops(results: Path) -> list[Path]:
    """The folders of the studies below `results` that have a report, sorted."""
    return sorted(report.parents[1] for report in results.glob(f"*/{made.REPORT}"))


def everything(results: Path) -> list[Published]:
    """Every report below a folder of results."""
    return [reading.read(top) for top in tops(results)]


def named(names: Iterable[str], results: Path) -> list[Published]:
    """The reports that some names stand for, in their order.

    Raises:
        SettingsError: no study, folder or experiment of a name, or one whose report cannot be read.
    """
    found = [each for name in names for each in _named(name, results)]
    for each in found:
        if each.problem:
            raise SettingsError(f"{each.name}: {each.problem}; `dvc repro` makes it again")
    return found


def _named(name: str, results: Path) -> list[Published]:
    there = {top.name: top for top in tops(results)}
    if name in there:
        return [reading.read(there[name])]
    folder = Path(name)
    if (folder / made.REPORT).is_file():
        return [reading.read(folder)]
    for place in (folder, folder / "results"):
        if tops(place):
            return everything(place)
    experiment = _experiment(name)
    if experiment is None:
        raise SettingsError(f"no study, folder of results or experiment {shown(name)}: {hint(name, _known(there))}")
    return [experiment]


def _experiment(name: str) -> Published | None:
    """The report of what DVC made at a revision, from its cache; None where there is no such revision."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import RevError, resolve_rev

    try:
        with Repo() as repo:
            commit = resolve_rev(repo.scm, name)
        files = DVCFileSystem(repo.root_dir, rev=commit)
    except (DvcException, RevError):
        return None
    try:
        study = _yaml(files.read_text("params.yaml"))["study"]
        summary = json.loads(files.read_text(f"data/{study}/report/report.json"))
        by = Made(commit=commit, settings=_settings(_yaml(files.read_text(f"studies/{study}.yaml"))))
        return reading.published(name, summary, by)
    except (OSError, DvcException, ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            f"experiment {name}: its report is not in DVC's cache, or of another form: "
            f"`dvc exp pull {name}` or run it again"
        ) from error


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _settings(written: Any) -> dict[str, Any]:
    """A study file's settings as a reader may see them; nothing of one that this version cannot read."""
    try:
        return dict(settings.plain(settings.read(Study, written)))
    except SettingsError:
        return {}


def _known(studies: Iterable[str]) -> Sequence[str]:
    """The names there are: studies, and experiments where this is a repository of DVC's."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            experiments = [name for group in repo.experiments.ls(all_commits=True).values() for name, _ in group]
    except DvcException:
        experiments = []
    return [*studies, *experiments]
