"""A variational autoencoder of jets, 27 variables to 14: what each part of its loss is good for.

Simulated QCD jets (``novum simulate qcd_jets``) train; held-out ones and top jets are looked at.
The loss with the residual alone (β = 0), with the divergence alone (β = 1), and with both;
generated jets against held-out ones by a classifier two-sample test, whose null are two halves of
the data; correlations of the residuals; the latent space; then a plain autoencoder as compressor
and as denoiser. Run ``python benchmarks/vae_study.py``; it also draws
``docs/_static/vae_latent.png`` and ``vae_generated.png``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import HERE, header, simulated, write_results
from scipy.stats import ks_2samp

from novum import open_events
from novum.evaluation import auc, two_sample_test
from novum.outlier import PCA, Autoencoder, VariationalAutoencoder
from novum.report.style import (
    axis_labels,
    looks,
    new_figure,
    settle,
    tag,
    theme_context,
    to_bytes,
    write,
)

VARIABLES = (
    "pt", "eta", "mass", "softdrop_mass", "energy", "px", "py", "pz", "tau1", "tau2", "tau3",
    "tau4", "tau5", "tau1_b2", "tau2_b2", "tau21", "tau32", "n_constituents", "charged_fraction",
    "e2", "e3", "c2", "d2", "ptd", "leading_fraction", "major_axis", "minor_axis",
)  # fmt: skip
SAMPLES = {"qcd_jets": (40_000, 1), "top_jets": (20_000, 2)}  # jets and seed
N_TRAIN, N_TEST = 10_000, 10_000
LATENT = 14
BETAS = {"residual alone": 0.0, "both, β = 0.01": 0.01, "both, β = 0.1": 0.1,
         "both, β = 0.5": 0.5, "divergence alone": 1.0}  # fmt: skip
SHOWN = "both, β = 0.1"  # in the pictures
SIZES = (1, 2, 4, 8, 14, 20, 27)
NOISE = 0.3
SEEDS = 3
DRAWN = 1500  # jets of each kind in the pictures of the latent space

Array = np.ndarray


def load() -> tuple[Array, Array, Array]:
    """Jets that train, held-out ones, top jets."""
    found = []
    for process, size in SAMPLES.items():
        events = open_events(simulated(process, *size, "--extended")).read([*VARIABLES])
        found.append(np.column_stack([events.column(name) for name in VARIABLES]))
    order = np.random.default_rng(0).permutation(len(found[0]))
    train, test = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + N_TEST]
    return found[0][train], found[0][test], found[1][:N_TEST]


def fit_vae(train: Array, beta: float, seed: int) -> VariationalAutoencoder:
    """27 variables to 14."""
    vae = VariationalAutoencoder(LATENT, beta=beta, members=1, random_state=seed)
    return vae.fit(train)


def study(name: str, seed: int, train: Array, test: Array, top: Array) -> dict[str, Any]:
    """One loss: residual, divergence, latent space, generated jets, AUC of its scores."""
    vae = fit_vae(train, BETAS[name], seed)
    found: dict[str, Any] = {"loss": name, "beta": BETAS[name], "seed": seed}
    for score in ("mse", "kl", "elbo"):
        vae.set_params(score_by=score)
        b, s = vae.anomaly_score(test), vae.anomaly_score(top)
        found |= {score: float(b.mean()), f"auc_{score}": auc(b, s)}
    latent = vae.transform(test)
    found["latent_sd"] = sorted(latent.std(axis=0).tolist(), reverse=True)
    found["latent_used"] = int((latent.std(axis=0) > 0.1).sum())
    made = vae.sample(len(test), np.random.default_rng(seed))
    told = two_sample_test(test, made, n_permutations=2, seed=seed)
    found |= {"generated_auc": told.auc, "n_generated": len(made)}
    found["generated_ks"] = distances(test, made)
    return found | {"residuals": residuals(vae, test)}


def distances(x: Array, y: Array) -> float:
    """Kolmogorov-Smirnov distance of the two samples, mean over the variables."""
    return float(np.mean([ks_2samp(a, b).statistic for a, b in zip(x.T, y.T, strict=True)]))


def residuals(vae: VariationalAutoencoder, test: Array) -> dict[str, Any]:
    """The strongest correlations of the residuals, and that of mass and pT."""
    matrix = np.corrcoef((test - vae.reconstruct(test)).T)
    i, j = np.triu_indices(len(VARIABLES), 1)
    top = np.argsort(-np.abs(matrix[i, j]))[:5]
    pairs = [(VARIABLES[i[k]], VARIABLES[j[k]], float(matrix[i[k], j[k]])) for k in top]
    at = VARIABLES.index("mass"), VARIABLES.index("pt")
    own = np.corrcoef(test.T)[at]
    return {"strongest": pairs, "mass_pt": float(matrix[at]), "mass_pt_of_data": float(own)}


def compressor(train: Array, test: Array) -> list[dict[str, Any]]:
    """Half of the central 68 % of each residual in standard deviations of the variable."""
    rows = []
    for latent in SIZES:
        for seed in range(SEEDS):
            for name, made in (
                ("autoencoder", Autoencoder(latent, members=1, random_state=seed)),
                ("pca", PCA(latent)),
            ):
                if name == "pca" and (seed or latent == len(VARIABLES)):
                    continue  # no seed, and it leaves nothing out
                residual = test - made.fit(train).reconstruct(test)
                low, high = np.quantile(residual, [0.16, 0.84], axis=0)
                width = (high - low) / 2 / train.std(axis=0)
                rows.append(
                    {"method": name, "latent": latent, "seed": seed,
                     "resolution": dict(zip(VARIABLES, width.tolist(), strict=True))}
                )  # fmt: skip
    return rows


def denoiser(train: Array, test: Array) -> list[dict[str, Any]]:
    """Mean squared distance from the jet without noise, in its standard deviations."""
    scale = train.std(axis=0)
    rows = []
    for seed in range(SEEDS):
        noisy = test + NOISE * scale * np.random.default_rng(seed).standard_normal(test.shape)
        row: dict[str, Any] = {"seed": seed, "noise": NOISE, "before": NOISE**2}
        for name, noise in (("plain", 0.0), ("denoising", NOISE)):
            made = Autoencoder(LATENT, members=1, noise=noise, random_state=seed).fit(train)
            for kind, events in (("noisy", noisy), ("clean", test)):
                off = (made.reconstruct(events) - test) / scale
                row[f"{name}_{kind}"] = float(np.square(off).mean())
        rows.append(row)
    return rows


def draw_latent(vae: VariationalAutoencoder, test: Array, top: Array) -> None:
    """The two principal axes of the latent space, without labels and with them."""
    jets = np.concatenate([test[:DRAWN], top[:DRAWN]])
    latent = vae.transform(jets)
    centred = latent - vae.transform(test).mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    x, y = centred @ axes.T[:, 0], centred @ axes.T[:, 1]
    order = np.random.default_rng(0).permutation(len(jets))  # no kind lies on top
    with theme_context("light") as palette:
        figure = new_figure(3.4)
        figure.set_size_inches(9.0, 4.2)
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        is_top = np.arange(len(jets)) >= DRAWN
        labelled = np.where(is_top, palette.fit, palette.accent)
        for panel, colours, title in (
            (panels[0], palette.data, "unlabelled"),
            (panels[1], labelled[order], "QCD orange, top blue"),
        ):
            panel.scatter(x[order], y[order], s=3, c=colours, lw=0, alpha=0.6)
            write(panel, 0, 1.02, title, va="bottom", weight="bold")
            axis_labels(panel, x="first axis of the latent space")
        axis_labels(panels[0], y="second axis")
        tag(panels[1], palette)
        picture = to_bytes(settle(figure), "png")
    (HERE.parent / "docs" / "_static" / "vae_latent.png").write_bytes(picture)


def draw_generated(made: dict[str, Array], test: Array) -> None:
    """Every variable of generated and of held-out jets."""
    with theme_context("light") as palette:
        figure = new_figure(10.0)
        figure.set_size_inches(10.0, 13.0)
        panels = figure.subplots(7, 4).ravel()
        for panel, (i, name) in zip(panels, enumerate(VARIABLES), strict=False):
            low, high = np.quantile(test[:, i], [0.002, 0.998])
            edges = np.linspace(low, high, 41)
            data, *_ = panel.hist(test[:, i], edges, color=palette.muted, alpha=0.4, density=True)
            for (_, values), (colour, dashes) in zip(made.items(), looks(palette), strict=False):
                panel.hist(
                    values[:, i], edges, histtype="step", color=colour, ls=dashes, density=True
                )
            axis_labels(panel, x=name)
            panel.set_ylim(0, 2.2 * data.max())  # what does not vary stands out of the frame
            panel.set_yticks([])
            panel.tick_params(labelsize="x-small")
        keys = panels[len(VARIABLES)]
        keys.axis("off")
        keys.fill_between([], [], color=palette.muted, alpha=0.4, label="held-out jets")
        for name, (colour, dashes) in zip(made, looks(palette), strict=False):
            keys.plot([], [], color=colour, ls=dashes, label=name)
        keys.legend(loc="center", fontsize="small")
        picture = to_bytes(settle(figure), "png")
    (HERE.parent / "docs" / "_static" / "vae_generated.png").write_bytes(picture)


def main() -> None:
    """Run all; write ``results/vae_study.json`` and the pictures."""
    train, test, top = load()
    half = len(test) // 2
    null = two_sample_test(test[:half], test[half:], seed=0)
    rows = []
    for name in BETAS:
        for seed in range(SEEDS):
            rows.append(study(name, seed, train, test, top))
            print({k: v for k, v in rows[-1].items() if k != "latent_sd"}, flush=True)
    shown = {n: fit_vae(train, BETAS[n], 0) for n in ("residual alone", SHOWN, "divergence alone")}
    draw_latent(shown[SHOWN], test, top)
    rng = np.random.default_rng(0)
    draw_generated({name: vae.sample(len(test), rng) for name, vae in shown.items()}, test)
    write_results(
        "vae_study",
        {"header": header("torch"), "variables": VARIABLES, "latent": LATENT,
         "n_train": len(train), "n_test": len(test), "n_top": len(top),
         "null_auc": null.auc, "null_sd": null.null_sd,
         "null_ks": distances(test[:half], test[half:]), "losses": rows,
         "compressor": compressor(train, test), "denoiser": denoiser(train, test)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
