"""A search for settings within a stated time: what ``graphembed tune`` does."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..._core import checks
from ..._core.files import whole
from ..._core.optional import optional
from ...embeddings.vectors import Embeddings
from ...errors import InputError
from ...evaluate.classification import node_classification
from ...models.catalogue import models_of
from ...training.result import TrainingError
from .arguments import supervised
from .inputs import prepared
from .job import Job
from .links import links
from .recommend import SavedRecommender
from .records import Run, record_path, write_record
from .space import Setting
from .train import check_files, run

__all__ = ["TASKS", "Search", "file_of", "listed", "tune", "usual"]

#: What is judged, and by which figure.
TASKS = {"classification": "micro_f1", "links": "auc", "recommendation": "recall@20"}


@dataclass
class Search:
    """What is searched for, and what was found.

    Attributes:
        job: What every trial does, but for the settings that are tried.
        task: One of :data:`TASKS`.
        settings: What is tried.
        valid, test: Held-out pairs to judge trials by, and the best one at the end; not for classification, whose
            parts are those of the input or drawn.
        given: The figure of the job as it is.
        trials: Settings, figure and seconds of each trial; the figure is None where training failed.
        best: The best trial's settings; none where the job as it is was better.
        value: Its figure on the validation data.
        tested: Figures on the test data.
    """

    job: Job
    task: str
    settings: Sequence[Setting]
    valid: Path | None = None
    test: Path | None = None
    given: float = float("nan")
    trials: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    value: float = float("nan")
    tested: dict[str, float] = field(default_factory=dict)

    def digest(self) -> str:
        """What another search does not share."""
        parts = [self.job.options(), self.task, [repr(setting) for setting in self.settings], str(self.valid)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def tune(search: Search, minutes: float, trials: int | None = None, say: Callable[[str], object] = print) -> Search:
    """Try settings until the time is over, judge them by held-out validation data alone, and keep the best run.

    The job as it is comes first; then Optuna's tree-structured Parzen estimator proposes settings (Bergstra et al.
    2011). No trial is begun that would, by the median of those before, end after the time. The test data are looked at
    once, for the best run. Every trial is kept in ``OUTPUT.tune.log``: the same call goes on where an earlier one
    ended, with fresh minutes.

    Raises:
        InputError: No held-out pairs, another search's log, or settings with which no trial trains.
        MissingDependencyError: Optuna is not installed.
    """
    optuna = optional("optuna", "graphembed tune")
    _check(search, minutes)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(optuna, search)
    until = time.monotonic() + 60 * checks.number("minutes", minutes, above=0)
    if "given" not in study.user_attrs:
        study.set_user_attr("given", _tried(search, {}, "given"))
    search.given = study.user_attrs["given"]
    say(f"as given: {TASKS[search.task]} {search.given:.4f} on the validation data")
    before = _ended(study)
    if before:
        best = max([search.given, *_values(before)])
        log, count = file_of(search.job, "log"), f"{len(before)} trial{'s' * (len(before) != 1)}"
        say(f"going on from {log}: {count}, the best {best:.4f}")
    done = 0
    while (trials is None or done < trials) and _in_time(study, until):
        _trial(optuna, study, search, say)
        done += 1
    _finish(study, search)
    return search


def usual(job: Job, valid: Path | None) -> tuple[str, Path | None]:
    """What a job is judged by where nobody says so, and the held-out pairs: those that watch training do for both."""
    pairs = valid or (None if job.validation is None or job.labels else Path(job.validation))
    if _trained_for(job) == "recommendation":
        return "recommendation", pairs
    return ("classification", None) if pairs is None else ("links", pairs)


def _trained_for(job: Job) -> str:
    return getattr(models_of("pyg").get(job.name), "task", "")


def _check(search: Search, minutes: float) -> None:
    check_files(search.job)
    checks.choice("evaluate", search.task, TASKS)
    checks.number("minutes", minutes, above=0)
    if search.task != "classification" and search.valid is None:
        hint = "graphembed split writes train.csv, valid.csv and test.csv"
        raise InputError("valid", "nothing", f"an edge list of held-out pairs, which {search.task} is judged by", hint)
    for name, path in (("valid", search.valid), ("test", search.test)):
        if path is not None and not path.is_file():
            raise InputError(name, str(path), "the name of a file that exists")
    if search.task == "classification":
        _check_classes(search)


def _check_classes(search: Search) -> None:
    pairs = search.valid or search.test
    if pairs is not None:
        raise InputError("valid", str(pairs), "no file: classification goes by parts of the nodes")
    if not search.job.labels:
        _check_labels(prepared(search.job, _trained_for(search.job)).labels)


def _check_labels(labels: Mapping[str, Any]) -> None:
    if not labels:
        hint = "--labels FILE names some; --valid FILE judges by held-out pairs"
        raise InputError("labels", "nothing", "an input with classes of nodes", hint)


def file_of(job: Job, kind: str) -> Path:
    """A file of the search: its log, in which every trial is kept, its record ``json``, or its picture ``png``."""
    return job.output.with_name(f"{job.output.name}.tune.{kind}")


def _ended(study: Any) -> list[Any]:
    """The trials that came to an end, failed ones among them; none that was interrupted."""
    return [trial for trial in study.trials if trial.user_attrs]


def _values(trials: Sequence[Any]) -> list[float]:
    """Their figures, but for those that failed."""
    return [trial.value for trial in trials if trial.value is not None]


def _study(optuna: Any, search: Search) -> Any:
    """The study in the log, or a new one."""
    log = file_of(search.job, "log")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(log)))
    sampler = optuna.samplers.TPESampler(seed=search.job.seed)
    study = optuna.create_study(
        storage=storage, study_name="tune", direction="maximize", load_if_exists=True, sampler=sampler
    )
    of_log = study.user_attrs.get("search")
    if "given" not in study.user_attrs:  # a search that never got so far stands in nobody's way
        study.set_user_attr("search", search.digest())
    elif of_log != search.digest():
        raise InputError("output", f"{log}, of another search", "a log of this very search", "take another --output")
    study.sampler = optuna.samplers.TPESampler(seed=search.job.seed + len(study.trials))
    return study


def _in_time(study: Any, until: float) -> bool:
    """Whether one more trial would end before the time is over."""
    seconds = sorted(trial.user_attrs["seconds"] for trial in study.trials if "seconds" in trial.user_attrs)
    return time.monotonic() + (seconds[len(seconds) // 2] if seconds else 0) < until


def _trial(optuna: Any, study: Any, search: Search, say: Callable[[str], object]) -> None:
    ended = _ended(study)
    number, values = len(ended) + 1, _values(ended)  # as on the picture: one that was interrupted has no number
    trial = study.ask()
    drawn = {setting.name: setting.drawn(trial) for setting in search.settings}
    began = time.monotonic()
    try:
        value: float | None = _tried(search, drawn, "trial")
        found = f"{value:.4f}"
    except (TrainingError, InputError) as error:  # a rate too high, walks shorter than their window
        if not values and len(study.trials) >= _HOPELESS:
            raise
        value, found = None, f"failed, {error}"
        trial.set_user_attr("trouble", str(error))
    trial.set_user_attr("seconds", time.monotonic() - began)
    if value is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, value)
        if value > max([search.given, *values]):
            _moved(_path(search.job, "trial"), _path(search.job, "best"))
    say(f"trial {number} ({listed(drawn)}): {found}")


def listed(settings: Mapping[str, Any]) -> str:
    """Settings as a person reads them."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
    )


#: Trials after which a search in which all fail is given up.
_HOPELESS = 5


def _path(job: Job, name: str) -> Path:
    """The output of a trial, beside that of the job."""
    return job.output.with_name(f"{job.output.stem}.{name}{job.output.suffix}")


def _moved(source: Path, target: Path) -> None:
    source.replace(target)
    record_path(source).replace(record_path(target))


def _tried(search: Search, settings: Mapping[str, Any], name: str) -> float:
    """The figure on the validation data of the job with some settings; its files stay."""
    job = replace(
        search.job, settings={**search.job.settings, **settings}, output=_path(search.job, name), keep_checkpoints=False
    )
    job = replace(job, evaluate=False, weights=None, tensorboard=None, checkpoint=None)
    run(job, say=lambda text: None)
    figures, wanted = _judged(search, job.output, "valid"), TASKS[search.task].partition("@")[0]
    return next(value for name, value in figures.items() if name.partition("@")[0] == wanted)


def _judged(search: Search, output: Path, part: str) -> dict[str, float]:
    """Figures on the validation or the test data."""
    emb = Embeddings.load(output)
    pairs = search.valid if part == "valid" else search.test
    if search.task == "links":
        assert pairs is not None
        return dict(links(emb, output, pairs, seed=search.job.seed)[0])
    if search.task == "recommendation":
        assert pairs is not None
        return SavedRecommender(emb, output).evaluate(pairs, notes=[])
    return _classified(emb, Run.of(output), part)


def _classified(emb: Embeddings, run_: Run, part: str) -> dict[str, float]:
    """Figures of the model's own classes, or of a regression on vectors that learned from no labels."""
    if supervised(run_.job, run_.task):
        return _own_classes(run_.record, part)
    labels = {kind: y for kind, y in run_.graph.labels.items() if kind in emb}
    _check_labels(labels)
    kind, y = next(iter(labels.items()))
    masks = _parts(run_, kind, y)
    return dict(node_classification(emb[kind], y, masks={"train": masks["train"], "test": masks[part]}))


def _own_classes(record: Mapping[str, Any], part: str) -> dict[str, float]:
    """Figures of the classes that the model itself predicts, from its record."""
    if part == "test":
        figures: Mapping[str, Any] = record["metrics"] or {}
    else:
        figures = next((entry for entry in record["history"] if entry["epoch"] == record["best_epoch"]), {})
        if "val_micro_f1" not in figures:
            raise InputError("split", "no validation part", "one to judge settings by", "--split 0.6,0.2,0.2")
    prefix = "test_" if part == "test" else "val_"
    return {name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)}


def _parts(run_: Run, kind: str, y: Any) -> dict[str, torch.Tensor]:
    """Nodes to learn from, to validate and to test on: those of the input, or drawn by the run's seed."""
    features = run_.graph.view.features[kind]
    if all(f"{part}_mask" in features for part in ("train", "val", "test")):
        return {
            name: features[f"{part}_mask"] for name, part in (("train", "train"), ("valid", "val"), ("test", "test"))
        }
    dense = torch.as_tensor(y.toarray() if hasattr(y, "toarray") else y)
    ids = (dense.any(1) if dense.dim() == 2 else dense >= 0).nonzero().flatten()
    ids = ids[torch.randperm(len(ids), generator=torch.Generator().manual_seed(run_.job.seed))]
    shares = run_.job.split or (0.6, 0.2, 0.2)
    ends = [round(len(ids) * sum(shares[: place + 1])) for place in range(3)]
    return {"train": ids[: ends[0]], "valid": ids[ends[0] : ends[1]], "test": ids[ends[1] : ends[2]]}


def _finish(study: Any, search: Search) -> None:
    """Name the best run, put it in its place, and judge it by the test data."""
    ended = _ended(study)
    search.trials = [{"settings": trial.params, "value": trial.value, **trial.user_attrs} for trial in ended]
    search.value = max([search.given, *_values(ended)])
    tuned = search.value > search.given
    search.best = dict(study.best_trial.params) if tuned else {}
    _put_in_place(search.job, _path(search.job, "best" if tuned else "given"))
    _write(search)  # what was found is not lost where test data turn out to be wrong
    if search.task == "classification" or search.test is not None:
        search.tested = _judged(search, search.job.output, "test")
        _write(search)


def _write(search: Search) -> None:
    """The record of the search."""
    about = {"task": search.task, "figure": TASKS[search.task], "given": search.given, "value": search.value}
    about |= {"best": search.best, "test": search.tested, "trials": search.trials}
    about |= {"job": search.job.options(), "search": [repr(setting) for setting in search.settings]}
    whole(file_of(search.job, "json"), lambda part: part.write_text(json.dumps(about, indent=2, default=str) + "\n"))


def _put_in_place(job: Job, kept: Path) -> None:
    """Give a run the name that was asked for; of the others nothing stays."""
    if kept.exists():
        _moved(kept, job.output)
        record = dict(Run.of(job.output).record)
        record["job"] = {**record["job"], "output": str(job.output)}
        record |= {"output": str(job.output), "repeat": f"graphembed train --config {record_path(job.output)}"}
        write_record(job.output, record)
    for name in ("trial", "given", "best"):
        for path in (_path(job, name), record_path(_path(job, name))):
            path.unlink(missing_ok=True)
