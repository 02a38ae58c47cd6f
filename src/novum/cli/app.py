"""The ``novum`` commands."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.config import Dict

from novum import __version__
from novum.cli.calibrate import calibrate, unblind
from novum.cli.compare import compare
from novum.cli.convert import convert
from novum.cli.evaluate import evaluate
from novum.cli.explain import explain
from novum.cli.export import export
from novum.cli.inject import inject
from novum.cli.latent import scan_latent
from novum.cli.limits import limits
from novum.cli.outliers import fit, score
from novum.cli.values import value_of
from novum.cli.words import demo_settings, name_options, split_commas, take_config
from novum.errors import ConfigError, NovumError, OutputError
from novum.search.bump_config import BumpHuntConfig
from novum.search.config import HuntConfig

if TYPE_CHECKING:
    from novum.search.result import SearchResult

app = App(
    name="novum",
    help="Find anomalies in collision data and say how sure one may be.",
    version=__version__,
    default_parameter=Parameter(negative=(), converter=value_of),
    suppress_keyboard_interrupt=False,
)

RESUMABLE = ("hunt", "calibrate", "limits", "unblind")
DEMO_OUTPUT = Path("novum-demo")

app.command(calibrate)
app.command(unblind)
app.command(evaluate)
app.command(compare)
app.command(inject)
app.command(limits)
app.command(export)
app.command(fit)
app.command(score)
app.command(explain)
app.command(scan_latent)
app.command(convert)
app.command("novum.cli.simulate:app", name="simulate", help="Simulate collisions.")

Output = Annotated[Path | None, Parameter(name=("--output", "-o"))]
Flat = Parameter(name="*")


@app.command
def hunt(
    events: Path | None = None,
    *,
    output: Output = None,
    demo: bool = False,
    config: Path | None = None,
    resume: bool = False,
    jobs: Annotated[int | None, Parameter(name=("--jobs", "-j"))] = None,
    probe: Path | None = None,
    calibration: Path | None = None,
    blind: bool = False,
    settings: Annotated[HuntConfig | None, Flat] = None,
) -> None:
    """Search events for a resonance with a classifier trained without labels.

    Writes result.json, scores.parquet, selected.parquet, figures and report.html.

    Parameters
    ----------
    events : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file.
    output : Path
        New folder for the results.
    demo : bool
        Search simulated dijets with a planted resonance, and their background-only twin.
    config : Path
        YAML or JSON file of options; options given on the command line win.
    resume : bool
        Continue an interrupted search in the output folder.
    jobs : int
        Worker processes; by default one per core. The result does not depend on it.
    probe : Path
        Labelled events that are scored but never trained on, for the evaluation.
    calibration : Path
        Null searches of these settings (calibration.json); found by itself beside the events.
    blind : bool
        Hide the signal regions: write blind.json, to be calibrated and then unblinded.
    """
    from novum.cli import console

    settings = (settings or HuntConfig()).with_values({}, "hunt")
    if demo:
        if events is not None or probe is not None:
            raise ConfigError("--demo brings its own events; leave out the file and --probe")
        if resume:
            raise ConfigError("--demo takes a minute and cannot be resumed")
        _demo(output or DEMO_OUTPUT, settings, jobs)
        return
    if events is None:
        raise ConfigError("hunt: name a file of events, or --demo for a sample that novum brings")
    if output is None:
        raise ConfigError("hunt: name a folder for the results (-o DIR)")
    if blind:
        if probe is not None or calibration is not None:
            raise ConfigError("--blind: leave out --probe and --calibration until unblinding")
        _blind(events, output, settings, jobs, resume)
        return
    found = _hunt_and_report(events, output, settings, jobs, resume, probe, calibration)
    console.print_search(found)
    console.out.print(f"report: {output / 'report.html'}", highlight=False, soft_wrap=True)


def _hunt_and_report(
    events: Any,
    output: Path,
    settings: HuntConfig,
    jobs: int | None,
    resume: bool = False,
    probe: Path | None = None,
    calibration: Path | None = None,
) -> SearchResult:
    from novum.cli import console
    from novum.report import write_report
    from novum.search import hunt as run_hunt

    result = run_hunt(
        events,
        config=settings,
        output=output,
        resume=resume,
        n_jobs=jobs,
        probe=probe,
        calibration=calibration,
        progress=console.RichProgress(),
    )
    write_report(result, output)
    return result


def _blind(
    events: Path, output: Path, settings: HuntConfig, jobs: int | None, resume: bool
) -> None:
    from novum.cli import console
    from novum.cli.calibration_tables import print_blind
    from novum.search.blinding import blind_hunt

    blind = blind_hunt(
        events, output, settings, resume=resume, n_jobs=jobs, progress=console.RichProgress()
    )
    print_blind(blind)
    console.out.print(
        f"next: novum calibrate {output}, then novum unblind {output}",
        highlight=False,
        soft_wrap=True,
    )


def _demo(output: Path, config: HuntConfig, jobs: int | None) -> None:
    """Search the sample with the resonance and its twin; print the null first."""
    from novum.cli import console
    from novum.search.demo import demo_events

    twin = output / "background-only"
    found = _hunt_and_report(demo_events(), output, config, jobs)
    nothing = _hunt_and_report(demo_events(signal=False), twin, config, jobs)
    for title, result, folder in (
        ("background only", nothing, twin),
        ("with a resonance at 3.5 TeV", found, output),
    ):
        console.out.print(f"\nsimulated dijets, {title}", style="bold underline")
        console.print_search(result)
        console.out.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


@app.command
def bumphunt(
    spectrum: Path,
    *,
    output: Output = None,
    settings: Annotated[BumpHuntConfig | None, Flat] = None,
) -> None:
    """Hunt for a bump in one spectrum: masked fits, refitted toys, no learning.

    Parameters
    ----------
    spectrum : Path
        A table of bins (low, high or bin_centre, bin_width; counts, or y with --luminosity), or
        a file of events with --mass.
    output : Path
        JSON file for the result.
    """
    from novum.cli import console
    from novum.io import write_text
    from novum.search.bump import bumphunt as run_bumphunt

    if output is not None and output.exists():
        raise OutputError(f"{output}: exists already and is not overwritten")
    result = run_bumphunt(spectrum, settings, progress=console.RichProgress())
    if output is not None:
        write_text(output, result.to_json(), overwrite=False)
    console.print_bumphunt(result)


@app.command
def inspect(file: Path) -> None:
    """List the columns of a file: ranges, missing values, and which looks like the mass.

    Parameters
    ----------
    file : Path
        Parquet, CSV, NumPy, HDF5 or ROOT file; FILE.root:TREE names a tree.
    """
    from novum.cli import console
    from novum.io import open_events, summarise

    console.print_summary(summarise(open_events(file)))


@app.command
def methods() -> None:
    """List the methods and classifiers that can be named in a search."""
    from novum.catalogue import entries
    from novum.cli import console

    console.print_entries(entries())


@app.command
def report(folder: Path) -> None:
    """Make the figures and the report of a finished search again.

    Parameters
    ----------
    folder : Path
        Output folder of a hunt.
    """
    from novum.cli import console
    from novum.report import write_report
    from novum.search.result import SearchResult

    console.out.print(str(write_report(SearchResult.load(folder), folder)), soft_wrap=True)


@app.command
def cite(folder: Path) -> None:
    """Print BibTeX of what ran in a search.

    Parameters
    ----------
    folder : Path
        Output folder of a hunt.
    """
    from novum.report import bibtex
    from novum.search.result import SearchResult

    sys.stdout.write(bibtex(SearchResult.load(folder)))


def run(tokens: Sequence[str]) -> int:
    """Run one command line; returns the exit status: 0, 1 (novum error), 2 (usage), 130."""
    from novum.cli import console

    warnings.showwarning = console.show_warning
    words = list(tokens)
    try:
        words = split_commas(name_options(words))
        words, values = take_config(words)
        app.config = tuple(
            Dict(source, use_commands_as_keys=False)
            for source in (values, demo_settings(words))
            if source is not None
        )
        app(
            words,
            exit_on_error=False,
            print_error=False,
            console=console.out,
            result_action="return_value",
        )
    except CycloptsError as error:
        console.err.print(error, style="red", markup=False, highlight=False)
        return 2
    except NovumError as error:
        console.err.print(
            f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    except KeyboardInterrupt:
        resumable = words[:1] and words[0] in RESUMABLE
        hint = "; what is finished is kept, continue with --resume" if resumable else ""
        console.err.print(f"interrupted{hint}")
        return 130
    except OSError as error:  # the terminal or pipe that we print to
        sys.stderr.write(f"error: cannot print: {error.strerror}\n")
        return 1
    return 0
