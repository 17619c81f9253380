"""More epochs for a run that has ended: what that means, and where it is written."""

from __future__ import annotations

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.files import write_text
from segengine.run.event_log import read_events
from segengine.run.events import end_of
from segengine.run.rundir import RunDir

_STRETCHED = ("cosine", "polynomial")  # schedules that end with the run


def plan_epochs(run: RunDir, epochs: int) -> RunConfig:
    """Write into the run's config that it has so many epochs, and return that config.

    A run that is killed between this and its next step is resumed to the new end all the same.

    Raises:
        UserError: as `longer`.
    """
    config = longer(run, epochs)
    write_text(run.config_file, config.to_json())
    return config


def longer(run: RunDir, epochs: int) -> RunConfig:
    """The run's config with so many epochs.

    Raises:
        UserError: it has as many already, stopped by its own rule, or has nothing to go on from.
    """
    config = run.config()
    done, ended_early = _trained(run)
    if ended_early:
        raise UserError(
            f"Run {run.id} stopped by its own rule after epoch {done} (early_stop "
            f"{config.train.early_stop}) and would stop at once again: start a new run from it, "
            "with a larger early_stop.",
            field="epochs",
        )
    if epochs <= max(config.train.epochs, done):
        raise UserError(
            f"Run {run.id} has {config.train.epochs} epochs, of which {done} are done: give a "
            "larger number of epochs.",
            field="epochs",
        )
    if not run.last_checkpoint.exists():
        raise UserError(
            f"Run {run.id} has no last checkpoint to go on from: start a new run.", field="epochs"
        )
    return config.with_values(epochs=epochs)


def meaning(config: RunConfig) -> str:
    """What more epochs mean for the learning rate, in one sentence."""
    scheduler, epochs = config.optim.scheduler, config.train.epochs
    if scheduler in _STRETCHED:
        return (
            f"The {scheduler} schedule becomes that of a run of {epochs} epochs: the learning rate "
            "jumps to what such a run has at this epoch, and falls from there to the new end."
        )
    return "The learning rate goes on as if the run had been planned this long."


def planned_but_not_trained(run: RunDir) -> bool:
    """Whether a finished run's config asks for more epochs than were trained."""
    done, ended_early = _trained(run)
    return done > 0 and not ended_early and run.config().train.epochs > done


def _trained(run: RunDir) -> tuple[int, bool]:
    """(epochs that are done, whether the run finished before the last of its epochs)."""
    events, _ = read_events(run.events_file)
    done = max((event["epoch"] for event in events if event["event"] == "epoch"), default=0)
    planned = [event["epochs"] for event in events if event["event"] == "run_started"]
    end = end_of(events)
    finished = end is not None and end["event"] == "run_finished"
    return done, finished and bool(planned) and done < planned[-1]
