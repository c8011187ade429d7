"""``songdiff evaluate``: what was asked for against what came out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from ..errors import InputError

if TYPE_CHECKING:
    from ..evaluation.report import Report


def evaluate(
    targets: Annotated[
        Optional[list[str]],
        typer.Argument(
            help="Songs made by songdiff, folders of them, a corpus; with --benchmark one checkpoint; with "
            "--reconstruct one checkpoint, or the folders of an autoencoder and a vocoder."
        ),
    ] = None,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="TARGET is a checkpoint: render the benchmark with it first.")
    ] = False,
    corpus: Annotated[
        Optional[Path],
        typer.Option(
            help="With --benchmark: render this corpus's held-out songs again instead. With --reconstruct: fit the "
            "baseline to this corpus (else to the first one that is measured)."
        ),
    ] = None,
    robustness: Annotated[
        Optional[int],
        typer.Option(min=1, help="Make so many songs of random requests with TARGET: does every one come out whole?"),
    ] = None,
    reconstruct: Annotated[
        Optional[list[Path]],
        typer.Option(
            help="Send a corpus's held-out stems and mixes, an audio file or a folder of them through TARGET's "
            "autoencoder and vocoder, and measure what comes back. Can be given again."
        ),
    ] = None,
    compare: Annotated[
        Optional[tuple[Path, Path]], typer.Option(help="Compare two reports and do nothing else.")
    ] = None,
    songs: Annotated[
        Optional[int], typer.Option(min=1, help="At most so many songs, or with --reconstruct excerpts (50), of each.")
    ] = None,
    steps: Annotated[Optional[int], typer.Option(min=1, help="Denoising steps of the benchmark.")] = None,
    planner: Annotated[
        str, typer.Option(help="With --benchmark: composer, or none: the model is told words and prompt only.")
    ] = "composer",
    ceilings: Annotated[
        Optional[Path], typer.Option(help="Corpus folder whose held-out songs give the ceilings.")
    ] = None,
    no_ceilings: Annotated[bool, typer.Option("--no-ceilings", help="Do without ceilings.")] = False,
    out: Annotated[
        Optional[Path], typer.Option(help="Report as JSON; --benchmark keeps its songs in NAME-songs/ beside it.")
    ] = None,
    html: Annotated[Optional[Path], typer.Option(help="Report as one HTML page, with pictures and sound.")] = None,
) -> None:
    """Measure songs against their scores and prompts, or a checkpoint on a fixed benchmark; compare two reports."""
    from rich.console import Console

    from ..audio import check_writable
    from ..evaluation.benchmark import evaluate_songs, run_benchmark
    from ..evaluation.compare import compare as compared
    from ..evaluation.page import figure_class, write_report_page
    from ..evaluation.reconstruction import ReconstructionReport
    from ..evaluation.songs import find_songs, held_out_songs

    if compare is not None:
        Console().print(compared(*map(ReconstructionReport.load, compare)))  # reads ordinary reports as well
        return
    if reconstruct and not 0 < len(targets or ()) < 3:
        raise InputError("--reconstruct: give one checkpoint, or the folders of an autoencoder and a vocoder")
    if not targets or (benchmark and len(targets) > 1):
        raise InputError(f"evaluate: give {'one checkpoint' if benchmark else 'songs, or --benchmark CHECKPOINT'}")
    if robustness and (len(targets) > 1 or benchmark or reconstruct or songs or steps or corpus or html):
        raise InputError("--robustness: takes one checkpoint and --out, nothing else")
    if reconstruct and (benchmark or steps or ceilings or no_ceilings):
        raise InputError(
            "--reconstruct: goes without --benchmark, --steps, --ceilings and --no-ceilings; leave them out"
        )
    if planner not in ("composer", "none") or (planner == "none" and (not benchmark or corpus)):
        raise InputError(f"--planner {planner}: give composer or none, with --benchmark and without --corpus")
    if corpus is not None and not benchmark and not reconstruct:
        raise InputError(f"--corpus {corpus}: belongs to --benchmark; give the corpus itself to measure its own songs")
    out = Path("report.json") if benchmark and out is None else out
    for path, ending in ((out, ".json"), (html, ".html")):
        if path is not None:
            check_writable(path, (ending,))
    if html is not None:
        figure_class()

    if robustness:
        from ..evaluation.robustness import measure_robustness

        _show(measure_robustness(targets[0], robustness), out)
        return
    if reconstruct:
        _reconstruct(targets, reconstruct, songs or 50, corpus, out, html)
        return
    if benchmark and out is not None:
        work = out.with_name(f"{out.stem}-songs")
        best = False if no_ceilings else ceilings or True
        plan: Literal["composer", "none"] = "none" if planner == "none" else "composer"
        report = run_benchmark(targets[0], songs, steps, planner=plan, work=work, corpus=corpus, ceilings=best)
        names = {row.name for row in report.songs}
        found = [song for song in find_songs(work) if song.name in names] if html is not None else []
    else:
        found = [song for target in targets for song in find_songs(Path(target), songs)]
        originals = held_out_songs(ceilings, songs) if ceilings and not no_ceilings else []
        report = evaluate_songs(found, ", ".join(targets), ceilings=originals)
    _show(report, out)
    if html is not None:
        write_report_page(html, report, found)
        print(html)


def _reconstruct(
    parts: list[str], targets: list[Path], count: int, corpus: Path | None, out: Path | None, html: Path | None
) -> None:
    from ..evaluation.reconstruction import measure_reconstruction
    from ..evaluation.reconstruction_page import write_reconstruction_page

    report, systems, excerpts = measure_reconstruction(parts, targets, count, corpus)
    _show(report, out)
    if html is not None:
        write_reconstruction_page(html, report, systems, excerpts)
        print(html)


def _show(report: Report, out: Path | None) -> None:
    from rich.console import Console

    Console().print(report.table())
    for note in report.notes:
        print(f"songdiff: note: {note}", file=sys.stderr)
    if out is not None:
        report.save(out)
        print(out)
