"""Is the background template right? A classifier tells it from data, or cannot."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.base import clone

from novum.errors import InputError
from novum.evaluation.two_sample import FEWEST_EVENTS, two_sample_test
from novum.resonant import CATHODE
from novum.resonant.base import FloatArray, ResonantMethod
from novum.resonant.template import TemplateMethod, masses_like
from novum.search.explanation import FEATURE_BINS
from novum.search.inputs import Sample
from novum.search.records import TemplateClosure, TemplateFeature
from novum.windows import Window
from novum.workers import in_workers

MOST_EVENTS = 10_000  # of data and of template in a test
PERMUTATIONS = 6
MAX_AUC = 0.03  # above that of permutations: what a reader is warned of, if it is significant
MAX_P = 0.01

SIGNAL_REGION = "signal region"


def template_of(method: ResonantMethod) -> TemplateMethod | None:
    """What a method holds for background; None where it learns no density.

    A method that learns a density and draws nothing from it rests on the density all the same:
    that of CATHODE, in the features themselves.
    """
    if isinstance(method, TemplateMethod):
        return method
    parameters = method.get_params(deep=False)
    return CATHODE(parameters["density"]) if "density" in parameters else None


def template_closure(
    method: TemplateMethod,
    sample: Sample,
    window: Window,
    names: tuple[str, ...],
    seed: int,
    n_jobs: int | None = None,
) -> tuple[TemplateClosure, ...]:
    """Test the template in the signal region and in regions of its width on both sides.

    In the validation regions it is learnt anew without their events; there a difference is a
    fault of the template. In the signal region it may be signal, too. Regions that leave the
    data, or are nearly empty, are left out.

    Parameters
    ----------
    method : TemplateMethod
        Cloned for every region.
    sample : Sample
    window : Window
    names : tuple of str
        Of the d features.
    seed : int
    n_jobs : int or None
    """
    width = window.high - window.low
    regions = [
        ("below", Window.around(window.low - width, window.low)),
        (SIGNAL_REGION, window),
        ("above", Window.around(window.high, window.high + width)),
    ]
    low, high = float(sample.m.min()), float(sample.m.max())
    tested = [
        (name, region)
        for name, region in regions
        if region.low > low
        and region.high < high
        and region.in_signal_region(sample.m).sum() >= 2 * FEWEST_EVENTS
    ]
    tests = (partial(_closure, method, sample, names, seed, *region) for region in tested)
    with in_workers(tests, n_jobs) as results:
        return tuple(r for r in results if r is not None)


def _closure(
    method: TemplateMethod,
    sample: Sample,
    names: tuple[str, ...],
    seed: int,
    name: str,
    region: Window,
) -> TemplateClosure | None:
    weight = sample.size
    own = clone(method)
    try:
        own.fit_template(sample.X, sample.m, region, weight, seed)
    except InputError:
        return None  # too little is left to learn from
    rng = np.random.default_rng([seed, 0xC10])
    rows = np.flatnonzero(region.in_signal_region(sample.m) & (weight > 0))
    if len(rows) < FEWEST_EVENTS:
        return None
    n = min(len(rows), MOST_EVENTS)
    drawn = rng.choice(rows, n, replace=False)
    w = weight[drawn] / weight[drawn].mean()
    masses = masses_like(sample.m[drawn], w, MOST_EVENTS, rng)
    data, template = sample.X[drawn], own.template(masses, rng)
    test = two_sample_test(
        own.coordinates(data, sample.m[drawn]), own.coordinates(template, masses),
        weight_x=w if np.any(w != w[0]) else None, n_permutations=PERMUTATIONS, seed=seed,
    )  # fmt: skip
    scale = np.full(len(template), n / len(template))
    features = tuple(
        TemplateFeature(
            name=names[j],
            edges=tuple((edges := _edges(sample.X[:, j])).tolist()),
            data=_counts(data[:, j], edges, w),
            template=_counts(template[:, j], edges, scale),
            lattice=j in own.density_.lattice_features_,
        )
        for j in range(len(names))
    )
    return TemplateClosure(
        region=name,
        low=region.low,
        high=region.high,
        n_data=n,
        n_template=len(template),
        auc=test.auc,
        null_mean=test.null_mean,
        null_sd=test.null_sd,
        p=test.p,
        features=features,
    )


def _edges(values: FloatArray) -> FloatArray:
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(low, high if high > low else low + 1, FEATURE_BINS // 2 + 1)


def _counts(values: FloatArray, edges: FloatArray, weight: FloatArray) -> tuple[float, ...]:
    return tuple(np.histogram(values, edges, weights=weight)[0].tolist())


def template_warnings(closures: tuple[TemplateClosure, ...], window: Window) -> tuple[str, ...]:
    """What a reader must know of the template of one window."""
    found = []
    sides = {c.region for c in closures}
    for side in ("below", "above"):
        if side not in sides:
            found.append(
                f"window {window}: the template was not tested {side} the signal region, where "
                "there are too few events"
            )
    for c in closures:
        excess = c.auc - c.null_mean
        if c.region != SIGNAL_REGION and excess > MAX_AUC and c.p < MAX_P:
            found.append(
                f"window {window}: a classifier tells the template from data {c.region} the "
                f"signal region, {c.low:g}-{c.high:g} GeV (AUC {c.auc:.3f}): the density does not "
                "describe background there, nor perhaps in the signal region"
            )
    spread = sorted({f.name for c in closures for f in c.features if f.lattice})
    if spread:
        found.append(
            f"window {window}: features of few values ({', '.join(spread)}) were spread between "
            "these to learn a density"
        )
    return tuple(found)
