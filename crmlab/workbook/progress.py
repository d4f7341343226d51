"""Progress bars: of chapters, one each and one overall; of a sweep, one for all of its runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bars:
    """Bars on standard error while runs go on; a context manager."""

    def __init__(self, chapters: Sequence[str]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.overall = self.progress.add_task("all chapters", total=len(chapters))
        self.tasks = {name: self.progress.add_task(name, total=None, start=False) for name in chapters}

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def cell_done(self, chapter: str, done: int, cells: int) -> None:
        """A chapter has `done` of its `cells` behind it."""
        if done == 1:
            self.progress.start_task(self.tasks[chapter])
        self.progress.update(self.tasks[chapter], completed=done, total=cells)

    def chapter_done(self, chapter: str) -> None:
        """A chapter has ended, well or not."""
        self.progress.stop_task(self.tasks[chapter])
        self.progress.advance(self.overall)


class SweepBar:
    """A bar on standard error while the runs of a sweep go on: done, failed, left, time left; a context manager."""

    def __init__(self, todo: int) -> None:
        words = TextColumn("{task.fields[done]} done, {task.fields[failed]} failed, {task.fields[left]} left")
        columns = (words, BarColumn(), TimeElapsedColumn(), TextColumn("time left"), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.task = self.progress.add_task("", total=todo, done=0, failed=0, left=todo)
        self.done = self.failed = 0

    def __enter__(self) -> SweepBar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def more(self, runs: int) -> None:
        """So many runs are still to do, beside those that ended."""
        self.progress.update(self.task, total=self.done + self.failed + runs, left=runs)

    def ended(self, well: bool) -> None:
        """A run has ended, well or not."""
        self.done += well
        self.failed += not well
        left = (self.progress.tasks[0].total or 0) - self.done - self.failed
        self.progress.update(self.task, advance=1, done=self.done, failed=self.failed, left=int(left))
