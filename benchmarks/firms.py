"""How long the simulated firms take, and how much memory, each in a process of its own. Prints a Markdown table."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time

WORK = {
    "Harbour & Hill, 40 customers, 12 months": "simulate('harbour_and_hill', customers=40, months=12)",
    "Harbour & Hill, 240 customers, 36 months (the default)": "simulate('harbour_and_hill')",
    "Harbour & Hill, 20,000 customers, to Parquet": "write_parquet('harbour_and_hill', folder, customers=20_000)",
    "Tern Mobile, 60 lines, 12 months": "simulate('tern_mobile', customers=60, months=12)",
    "Tern Mobile, 6,000 lines, 24 months (the default)": "simulate('tern_mobile')",
    "Tern Mobile, 1,000,000 lines, to Parquet": "write_parquet('tern_mobile', folder, customers=1_000_000)",
    "Harbour & Hill, a decision played in 20 futures": "play(simulate('harbour_and_hill'), {'fix': []}, against={})",
}
TO_REACH = {" 40 customers": "1 s", "20,000": "60 s, 4 GB", "1,000,000": "60 s, 4 GB"}


def measured(work: str) -> None:
    """Do the work, after a small firm has loaded what it needs, and print seconds and gigabytes."""
    from crmlab.data.firms import play, simulate
    from crmlab.data.firms.simulation import write_parquet

    with tempfile.TemporaryDirectory() as folder:
        known = {"simulate": simulate, "write_parquet": write_parquet, "play": play, "folder": folder}
        for name in ("harbour_and_hill", "tern_mobile"):
            simulate(name, customers=40, months=6)
        start, busy = time.perf_counter(), time.process_time()
        eval(work, known)
        wall, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{wall:.2f} {busy:.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f}")


def main() -> None:
    print("| work | seconds | processor seconds | peak memory, GB | to reach |\n| --- | --- | --- | --- | --- |")
    for name, work in WORK.items():
        done = subprocess.run([sys.executable, __file__, work], check=True, capture_output=True, text=True)
        goal = next((goal for part, goal in TO_REACH.items() if part in name), "")
        print(f"| {name} | {' | '.join(done.stdout.split())} | {goal} |", flush=True)


if __name__ == "__main__":
    measured(sys.argv[1]) if len(sys.argv) > 1 else main()
