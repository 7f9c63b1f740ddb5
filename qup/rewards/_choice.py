"""Which of a study's rewards a refiner chooses by."""

from collections.abc import Mapping

from qup.errors import SettingsError, unknown
from qup.rewards import Informed, Reward


def chosen(rewards: Mapping[str, Reward], name: str | None, *where: str) -> str:
    """The reward that a refiner chooses by; if none is named, the first that perceives quality, or else the first.

    Among correct candidates one that checks the answer has no preference. `where` the refiner's settings stand.

    Raises:
        SettingsError: the study has no such reward, or none that needs only a problem and a trace.
    """
    able = [key for key, plug in rewards.items() if not isinstance(plug, Informed)]
    others = f"choose by another: {', '.join(able)}" if able else "add one to the study's `rewards`"
    if name is None and not able:
        needy = f" ({', '.join(rewards)}: for the learner's samples, which a refiner has not)" if rewards else ""
        raise SettingsError(f"the study has no reward to choose a trace by{needy}: {others}", *where, "reward")
    if name is not None and name not in rewards:
        raise unknown("reward", name, rewards, *where, "reward")
    if name is not None and name not in able:
        raise SettingsError(
            f"{name!r} needs the learner's samples, which a refiner has not: {others}", *where, "reward"
        )
    return name or next((key for key in able if rewards[key].perceives), able[0])


def check_choice(refiner: object, rewards: Mapping[str, Reward], *where: str) -> None:
    """That a refiner which chooses by a reward has one; its settings stand at `where`.

    Raises:
        SettingsError: it has none, as `chosen` says.
    """
    if hasattr(refiner, "reward"):
        chosen(rewards, refiner.reward, *where)
