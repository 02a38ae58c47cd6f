"""``novum simulate``: one command for each process, its options those of the constructor."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from novum.simulation.process import Process

app = App(
    name="simulate",
    help="Simulate collisions: Pythia 8, a fast detector, jets and their substructure.",
)


def _command(process_class: type[Process]) -> Callable[..., None]:
    def command(
        process: Any = None,
        *,
        number: Annotated[int, Parameter(name=("--number", "-n"))],
        output: Annotated[Path, Parameter(name=("--output", "-o"))],
        seed: int = 0,
        mpi: bool = False,
        constituents: int = 100,
        extended: bool = False,
        jobs: Annotated[int | None, Parameter(name=("--jobs", "-j"))] = None,
        cache: Path | None = None,
    ) -> None:
        """Simulate.

        Parameters
        ----------
        process
            Parameters of the process.
        number : int
            Events that pass the selection.
        output : Path
            New file; its suffix picks the format, and only HDF5 keeps constituents.
        seed : int
            Equal seeds give equal events, whatever the number of workers.
        mpi : bool
            Simulate multiparton interactions: 2.5 to 8 times slower.
        constituents : int
            Constituents stored of each jet, in order of pT; 0 for none.
        extended : bool
            Store every observable, for dijets all of N-subjettiness.
        jobs : int
            Worker processes; by default one per core.
        cache : Path
            Folder of finished blocks, from which a killed or larger run starts.
        """
        from novum.cli import console
        from novum.simulation import simulate_file

        made = simulate_file(
            process or process_class(), number, output, seed=seed, mpi=mpi,
            constituents=constituents, extended=extended, cache=cache, n_jobs=jobs,
            progress=console.RichProgress(),
        )  # fmt: skip
        console.print_simulated(made, number, output)

    command.__annotations__["process"] = Annotated[process_class | None, Parameter(name="*")]
    command.__doc__ = (command.__doc__ or "").replace(
        "Simulate.", (process_class.__doc__ or "").strip().splitlines()[0], 1
    )
    return command


def _register() -> None:
    from novum.catalogue import entries

    for entry in entries("process"):
        process_class = getattr(import_module(entry.module), entry.class_name)
        app.command(_command(process_class), name=entry.name)


_register()
