"""Ensemble of small neural networks that train side by side, over members and over tasks.

The networks of CWoLa hunting and CATHODE. What is learnt is kept as plain arrays, so that scoring
needs no torch and a model travels between processes as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from novum.classifiers.bagging import check_share, features_seen
from novum.classifiers.network import mean_log_odds
from novum.classifiers.problem import Problem, Scaling
from novum.errors import ConfigError
from novum.optional import require
from novum.training.config import TrainingConfig

if TYPE_CHECKING:
    from novum.classifiers.tasks import TwoClass
    from novum.training import Trained

FloatArray = NDArray[np.float64]


@final
class MLPEnsemble(ClassifierMixin, BaseEstimator):
    """Ensemble of small neural networks, trained as one program.

    The score is the mean log-odds over the members and, for each member, over the epochs with the
    least validation loss. Features are shifted by their median and scaled by half of their central
    68 %, both of the training events, and end at ten times that. Events of weight 0 are left out.
    Members differ in initial weights, order of events and validation split.

    Parameters
    ----------
    members : int
        Number of networks.
    hidden : tuple of int
        Nodes of the hidden layers.
    epochs : int
        Most passes over the training events.
    batch_size : int
        Events per step.
    batch_schedule : tuple of (step, events)
        Changes of the batch size on the way, at steps that count from 0: larger batches in place
        of smaller steps (arXiv:1711.00489). On the command line STEP:EVENTS,STEP:EVENTS.
    learning_rate : float
        Of Adam.
    best_epochs : int
        Epochs whose scores are averaged: those with the least validation loss.
    patience : int or None
        Epochs without a lower validation loss after which a network stops; None: never.
    validation_fraction : float
        Share of the training events that each network sets aside to find its best epochs.
    max_features : float
        Share of the features that each network sees, at least one of them.
    balance_classes : bool
        Whether both classes weigh the same in the loss, whatever their events weigh.
    chunk : int
        Most networks that train side by side, rounded to whole tasks. It decides speed and memory,
        not the result.
    random_state : int or None
        Seed; member i uses a seed of its own derived from it.
    """

    name: ClassVar[str] = "mlp"
    packages: ClassVar[tuple[str, ...]] = ("torch",)  # whose versions decide a result, too
    reference: ClassVar[tuple[tuple[str, str], ...]] = (
        ("2109.00546", "Classifying Anomalies THrough Outer Density Estimation (CATHODE)"),
    )

    def __init__(
        self,
        members: int = 5,
        *,
        hidden: tuple[int, ...] = (64, 64, 64),
        epochs: int = 30,
        batch_size: int = 128,
        batch_schedule: tuple[tuple[int, int], ...] = (),
        learning_rate: float = 1e-3,
        best_epochs: int = 10,
        patience: int | None = 5,
        validation_fraction: float = 0.2,
        max_features: float = 1.0,
        balance_classes: bool = False,
        chunk: int = 10,
        random_state: int | None = None,
    ) -> None:
        self.members = members
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.batch_schedule = batch_schedule
        self.learning_rate = learning_rate
        self.best_epochs = best_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.max_features = max_features
        self.balance_classes = balance_classes
        self.chunk = chunk
        self.random_state = random_state

    @classmethod
    def published(cls, random_state: int | None = None) -> MLPEnsemble:
        """Settings of arXiv:2109.00546: one network of 64-64-64, 100 epochs, the ten best.

        Adam at 1e-3, batches of 128, balanced classes, half of the events for validation.
        """
        return cls(
            1,
            epochs=100,
            patience=None,
            validation_fraction=0.5,
            balance_classes=True,
            random_state=random_state,
        )

    def check_ready(self) -> None:
        """Raise before any work if torch is missing or a setting makes no sense.

        Raises
        ------
        MissingDependencyError
            Says what to install.
        ConfigError
            Names the key and the value.
        """
        require("torch", "deep", f"the classifier '{self.name}'")
        self._training().validated()
        for key in ("members", "chunk"):
            if getattr(self, key) < 1:
                raise ConfigError(f"{key}: must be at least 1, got {getattr(self, key)}")
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError(f"hidden: give the nodes of at least one layer, got {self.hidden}")
        if not 0 < self.validation_fraction < 1:
            raise ConfigError(
                f"validation_fraction: must be between 0 and 1, got {self.validation_fraction:g}"
            )
        check_share(self.max_features)

    @property
    def tasks_per_chunk(self) -> int:
        """Tasks that `fit_tasks` shall be given at once."""
        return max(1, self.chunk // self.members)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit all members to X (n, d) and y (n,) with weights (n,)."""
        self.check_ready()
        self._train([(self, self._problem(X, y, sample_weight))])
        return self

    def fit_tasks(self, tasks: Iterable[TwoClass], seeds: Iterable[int]) -> list[Self]:
        """Clones of this classifier, fitted to many two-class problems in one program.

        Each is what `fit` with its seed would give.
        """
        self.check_ready()
        pairs = []
        for task, seed in zip(tasks, seeds, strict=True):
            model = clone(self).set_params(random_state=seed)
            pairs.append((model, model._problem(task.X, task.y, task.sample_weight)))
        for _, alike in groupby(pairs, key=lambda pair: pair[0].n_features_in_):
            self._train(list(alike))
        return [model for model, _ in pairs]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Mean log-odds of the second class, shape (n,)."""
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        scaled = Scaling(self.center_, self.scale_)(values)
        return mean_log_odds(scaled, self.weights_, self.biases_, self.share_)

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Class probabilities from the mean log-odds, shape (n, 2)."""
        p = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - p, p])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The more probable class, shape (n,)."""
        rows = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[rows])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _problem(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> Problem:
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        return Problem.of(values, labels, sample_weight, self.balance_classes)

    def _training(self) -> TrainingConfig:
        return TrainingConfig(
            epochs=self.epochs,
            batch_size=self.batch_size,
            batch_schedule=self.batch_schedule,
            learning_rate=self.learning_rate,
            best_epochs=self.best_epochs,
            patience=self.patience,
        )

    def _train(self, pairs: Sequence[tuple[MLPEnsemble, Problem]]) -> None:
        """Train the members of all models side by side; all have these settings but the seed."""
        import torch

        from novum.nn import EnsembleMLP
        from novum.training import split_rows, train

        rows, seeds, seen, first = [], [], [], 0
        for model, problem in pairs:
            own = np.random.SeedSequence(model.random_state).generate_state(self.members)
            d = problem.table.shape[1] - 2
            for seed in own.tolist():
                rows.append(split_rows(problem.y, self.validation_fraction, seed, first))
                seen.append(features_seen(d, self.max_features, seed))
            seeds += own.tolist()
            first += len(problem.y)
        mask = None if np.all(seen) else torch.from_numpy(np.array(seen))
        network = EnsembleMLP.seeded(d, self.hidden, seeds, mask)
        table = torch.from_numpy(np.concatenate([problem.table for _, problem in pairs]))
        trained = train(network, table, rows, self._training())
        for i, (model, problem) in enumerate(pairs):
            members = slice(i * self.members, (i + 1) * self.members)
            model._keep(problem, trained, members)

    def _keep(self, problem: Problem, trained: Trained, members: slice) -> None:
        """Store what was learnt; epochs that a member did not reach are left out of its mean."""
        self.classes_ = problem.classes
        self.center_, self.scale_ = problem.scaling.center, problem.scaling.scale
        self.validation_loss_ = trained.loss[members]
        self.epochs_ = trained.epochs[members]
        reached = np.isfinite(self.validation_loss_)
        self.share_ = (reached / reached.sum(axis=1, keepdims=True) / self.members)[reached]
        kept = [p[members][reached] for p in trained.parameters]
        self.weights_, self.biases_ = kept[::2], kept[1::2]
