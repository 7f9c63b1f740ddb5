"""Make the reports of published studies anew from their measured arms, as the code is now: `make pages`.

What was measured stays, and so does the commit that made.json gives for it; only what a report says of it is renewed.
"""

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from qup import whole
from qup.compare import made
from qup.params import read_params
from stages import report, track


def main(results: Path, params: Path) -> None:
    """Renew the report of every study below `results` that keeps its measured arms."""
    for file in sorted(results.glob(f"*/{made.FILE}")):
        if (file.parent / "arms" / "base.json").is_file():
            renew(file.parent, params)


def renew(top: Path, params: Path) -> None:
    """A study's report, metrics and stamp."""
    by = made.read(top)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = folder / "params.yaml"
        chosen.write_text(json.dumps(dataclasses.asdict(read_params(params)) | {"study": top.name}), encoding="utf-8")
        report.main(
            [
                *("--study", f"studies/{top.name}.yaml", "--params", str(chosen), "--arms", str(top / "arms")),
                *("--metrics", str(folder / "metrics.json"), "--plots", str(folder / "plots")),
                *("--out", str(folder / "report")),
            ]
        )
        track.copy(folder / "report", top / "report")
        whole.write(top / "metrics.json", (folder / "metrics.json").read_bytes())
    renewed = dataclasses.replace(by, report=made.digest(top))
    whole.write(top / made.FILE, json.dumps(dataclasses.asdict(renewed), indent=1, ensure_ascii=False) + "\n")
    track.stamp(top, top.name)
    print(f"{top.name}: {'as it was' if renewed == by else 'renewed'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"), Path("params.yaml"))
