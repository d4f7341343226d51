"""Progress bars for runs: one a chapter, and one overall."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


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
