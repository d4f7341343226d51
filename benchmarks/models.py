"""Speed, memory and truth of the models, beside peers in one run: ratios, because seconds belong to one machine.

`python benchmarks/models.py` prints everything; `--only fits` (or value, growth, coverage, peers; may be repeated) a
part. Each measurement runs in a process of its own, on one thread, and takes its own processor time: that is the time
on a quiet machine, and hardly depends on who else uses this one. Starting, importing and warming up are not in it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

# One thread for linear algebra, before NumPy is loaded anywhere; the processes started here inherit it.
for threads in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[threads] = "1"

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench-models"
PEERS = ROOT / "build" / "bench-peers"
PEERS_LOCK = ROOT / "benchmarks" / "peers.lock"
PATIENCE = 300  # seconds until a peer's fits are given up
SEEDS = 400
MILLION = 1_000_000
PARTS = ("fits", "value", "growth", "peers", "coverage")

TRUTH = {
    "BetaGeoNBD": {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.5},
    "ModifiedBetaGeoNBD": {"r": 0.5, "alpha": 6.2, "a": 0.9, "b": 1.6},
    "ParetoNBD": {"r": 0.55, "alpha": 10.6, "s": 0.6, "beta": 11.7},
    "BetaGeoBetaBinomial": {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
    "ShiftedBetaGeometric": {"alpha": 0.67, "beta": 3.8},
    "GammaGamma": {"p": 6.25, "q": 3.74, "v": 15.44},
}
# Customers a sample, many enough for the normal approximation: in log parameters, no standard error is above 0.2.
COVERAGE_CUSTOMERS = {
    "BetaGeoNBD": 20_000,
    "ModifiedBetaGeoNBD": 20_000,
    "ParetoNBD": 10_000,
    "BetaGeoBetaBinomial": 10_000,
    "ShiftedBetaGeometric": 10_000,
    "GammaGamma": 10_000,
}

# --- peers: programs that take a file, a model and how often to fit; each prints what it measured as JSON ------------

LOAD = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
begun = time.process_time()
import numpy as np
import pandas as pd
file, name, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])

def read():
    table = pd.DataFrame(dict(np.load(file)))
    table.insert(0, "customer_id", np.arange(1, len(table) + 1).astype(str))
    return table

def seconds(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun

def warm(work):
    # On few customers a peer may find no fit; it has warmed up all the same.
    try:
        return seconds(work)
    except Exception:
        return None
"""

LIFETIMES = """
import lifetimes
imported = time.process_time() - begun
table, fitter = read(), getattr(lifetimes, name)
keys = ["frequency", "recency", "T"]
fitted = []

def fit(table, **more):
    fitted.append(fitter().fit(table["frequency"], table["recency"], table["T"], **more))

def fit_grouped():
    groups = table.groupby(keys).size().reset_index(name="n")
    grouped.append(seconds(lambda: fit(groups, weights=groups["n"])))

first, grouped = warm(lambda: fit(table.head(2000))), []
by_hand = [seconds(fit_grouped) for _ in range(3)] if "grouped" in sys.argv else []
times = [seconds(lambda: fit(table)) for _ in range(repeats)]
print(json.dumps({"import": imported, "first": first, "times": times, "grouped": by_hand,
                  "grouped_outside": grouped, "params": fitted[-1].params_.to_dict()}))
"""

CLVKIT = """
from clvkit.clv.bgnbd import BGNBD
from clvkit.customer_base import CustomerBase
imported = time.process_time() - begun
table, fitted = read(), []

def fit(table):
    settings = dict(time_unit="W", collapse="D", has_monetary=False, on_negative="net")
    base = CustomerBase(table, observation_period_end=pd.Timestamp("1997-09-30"), **settings)
    fitted.append(BGNBD().fit(base))

first = warm(lambda: fit(table.head(2000)))
times = [seconds(lambda: fit(table)) for _ in range(repeats)]
print(json.dumps({"import": imported, "first": first, "times": times, "params": fitted[-1].params_.to_dict()}))
"""

PYMC = """
from pymc_marketing import clv
imported = time.process_time() - begun
table, fitted = read(), []

def fit(table, **more):
    fitted.append(getattr(clv, name)())
    fitted[-1].fit(table, method="map", progressbar=False, **more)

first = warm(lambda: fit(table.head(2000)))
times = [seconds(lambda: fit(table)) for _ in range(repeats)]
posterior = fitted[-1].idata.posterior
params = {name: float(values.to_numpy().ravel()[0]) for name, values in posterior.items() if values.size == 1}
compiling = seconds(lambda: fit(table, maxeval=1))  # a model is built and compiled in each fit
print(json.dumps({"import": imported, "first": first, "times": times, "compiling": compiling, "params": params}))
"""


class Peer(NamedTuple):
    """A peer: what to call it, its program, whether it lives in the peers' environment, and its models' names."""

    name: str
    program: str
    apart: bool
    models: dict[str, str]


LIFETIMES_PEER = Peer("lifetimes", LIFETIMES, False, {"BetaGeoNBD": "BetaGeoFitter", "ParetoNBD": "ParetoNBDFitter"})
OTHERS = (
    Peer("clvkit", CLVKIT, True, {"BetaGeoNBD": "BGNBD"}),
    Peer("pymc-marketing, MAP", PYMC, True, {"BetaGeoNBD": "BetaGeoModel", "ParetoNBD": "ParetoNBDModel"}),
)


class NotMeasured(Exception):
    """Why a peer could not be measured."""


class Unfinished(NotMeasured):
    """A peer was still at its first fit when patience ended."""


def peers_python() -> Path:
    """The Python of the peers' environment, installed from its lock when missing or of another lock."""
    python, mark = PEERS / "bin" / "python", PEERS / ".ready"
    if os.name == "nt":
        python = PEERS / "Scripts" / "python.exe"
    lock = hashlib.sha256(PEERS_LOCK.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == lock:
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    sync = [uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", "--compile-bytecode"]
    commands = [[uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)], [*sync, str(PEERS_LOCK)]]
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise NotMeasured(f"not installed: {last_line(error.stderr)}") from None
        except OSError as error:
            raise NotMeasured(f"not installed: {error}") from None
    mark.write_text(lock)
    return python


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or ["no message"])[-1].replace("|", "/")[:160]


def peer_fits(peer: Peer, model: str, file: Path, repeats: int, *more: str) -> dict[str, Any]:
    """What a peer measured of itself; or NotMeasured, with the reason."""
    python = peers_python() if peer.apart else Path(sys.executable)
    command = [str(python), "-c", LOAD + peer.program, str(file), peer.models[model], str(repeats), *more]
    compiled = {"PYTENSOR_FLAGS": f"base_compiledir={PEERS / 'compiled'}"}
    try:
        ran = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **compiled}
        )
    except subprocess.TimeoutExpired:
        raise Unfinished(f"not finished after {PATIENCE} s") from None
    except subprocess.CalledProcessError as error:
        raise NotMeasured(f"failed: {last_line(error.stderr)}") from None
    return json.loads(ran.stdout.strip().splitlines()[-1])


# --- ours: functions, each called in a fresh process -----------------------------------------------------------------


def fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a process of its own. This one stays small: a process' peak counts its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def customers(kind: str, model: str, n: int) -> Path:
    """A file of simulated customers, in whole days or in continuous time; or of CDNOW's."""
    file = BUILD / f"{kind}-{model}-{n}.npz"
    fresh(make_customers, kind, model, n, file)
    return file


def make_customers(kind: str, model: str, n: int, file: Path) -> None:
    import numpy as np

    from crmlab import lifetime_value
    from crmlab.data import load_cdnow, split

    if kind == "cdnow":
        table = split(load_cdnow(), "1997-09-30")
    else:
        rng = np.random.default_rng(1)
        T = rng.integers(189, 274, n) / 7 if kind == "days" else rng.uniform(27, 39, n)
        table = getattr(lifetime_value, model).from_params(**TRUTH[model]).simulate(T, random_state=1)
        if kind == "days":
            table["recency"] = (table["recency"] * 7).round().clip(lower=(table["frequency"] > 0) * 1) / 7
            table["recency"] = table[["recency", "T"]].min(axis=1)
        spend = lifetime_value.GammaGamma.from_params(**TRUTH["GammaGamma"])
        table["monetary_value"] = spend.simulate(table["frequency"], random_state=2)
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = ("frequency", "recency", "T", "monetary_value")
    np.savez(file, **{name: table[name].to_numpy() for name in columns})


def read(file: Path) -> Any:
    import numpy as np
    import pandas as pd

    with np.load(file) as columns:
        table = pd.DataFrame(dict(columns))
    table.insert(0, "customer_id", np.arange(1, len(table) + 1).astype(str))
    return table


def seconds(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def fit_seconds(model: str, repeats: int, *files: Path) -> list[float]:
    """Median times of fits to one file or several, in turn; the table's check against its contract is in them."""
    from crmlab import lifetime_value

    tables, fit = [read(file) for file in files], getattr(lifetime_value, model)
    fit().fit(tables[0].head(100_000))
    times = [[seconds(lambda table=table: fit().fit(table)) for table in tables] for _ in range(repeats)]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def fit_both(file: Path, model: str) -> tuple[str, str]:
    """A model of purchases and one of spend, as text."""
    from crmlab import lifetime_value

    table = read(file)
    return tuple(getattr(lifetime_value, name)().fit(table).to_json() for name in (model, "GammaGamma"))


def value_seconds(models: tuple[str, str], model: str, *files: Path, repeats: int = 3) -> tuple[list[float], float]:
    """Median times of the values of one table or several, with intervals, and the peak memory of it all, in bytes."""
    import resource

    from crmlab import lifetime_value
    from crmlab.lifetime_value import GammaGamma, customer_lifetime_value

    purchases, spend = getattr(lifetime_value, model).from_json(models[0]), GammaGamma.from_json(models[1])
    settings = {"horizon": 52, "gross_margin": 0.3, "discount_rate": 0.1, "level": 0.9}
    tables = [read(file) for file in files]
    customer_lifetime_value(purchases, spend, tables[0].head(1000), **settings)
    times = [
        [seconds(lambda table=table: customer_lifetime_value(purchases, spend, table, **settings)) for table in tables]
        for _ in range(repeats)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return [statistics.median(each) for each in zip(*times, strict=True)], peak


def shortfall(model: str, file: Path, params: dict[str, float]) -> float:
    """How far a peer's parameters are below the maximum of the log-likelihood."""
    from crmlab import lifetime_value

    table, fit = read(file), getattr(lifetime_value, model)
    known = fit.from_params(**{name: params[name] for name in TRUTH[model]})
    return fit().fit(table).log_likelihood_ - known.log_likelihood(table)


def covered(model: str, n: int, seeds: range) -> tuple[dict[str, float], float, int]:
    """How often 90% intervals of log parameters cover the truth; the largest standard error seen; fits refused."""
    import numpy as np
    import pandas as pd

    from crmlab import lifetime_value

    known = getattr(lifetime_value, model).from_params(**TRUTH[model])
    hits, largest, refused = dict.fromkeys(TRUTH[model], 0), 0.0, 0
    for seed in seeds:
        if model == "GammaGamma":
            x = np.arange(n) % 6 + 1
            table = pd.DataFrame({"customer_id": np.arange(n), "frequency": x, "recency": 20.0, "T": 39.0})
            table["monetary_value"] = known.simulate(x, random_state=seed)
        elif model in ("BetaGeoBetaBinomial", "ShiftedBetaGeometric"):
            table = known.simulate(np.full(n, 8), random_state=seed)
        else:
            table = known.simulate(np.full(n, 78.0), random_state=seed)
        try:
            fitted = type(known)().fit(table)
        except lifetime_value.FitError:
            refused += 1  # no interval, and so none that covers
            continue
        for name, truth in TRUTH[model].items():
            error = fitted.standard_errors_[name] / fitted.params_[name]
            hits[name] += abs(np.log(fitted.params_[name] / truth)) <= 1.645 * error
            largest = max(largest, error)
    return {name: hit / len(seeds) for name, hit in hits.items()}, largest, refused


# --- the rows of the table --------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A row of the table; numbers are seconds, but for the ratio; `reached` is None where there is no target."""

    work: str
    ours: float | str
    peer: float | str = "–"
    ratio: float | str = "–"
    who: str = "–"
    target: str = "–"
    reached: bool | None = None

    def __str__(self) -> str:
        cells = [f"{cell:.3g}" if isinstance(cell, float) else cell for cell in self[:-1]]
        return f"| {' | '.join(cells)} | {'–' if self.reached is None else 'yes' if self.reached else '**no**'} |"


def beside(work: str, ours: float, peer: float, who: str, parts: int | None = None) -> Row:
    """Ours beside a peer's, and whether it is as small a part of it as it should be."""
    if parts is None:
        return Row(work, ours, peer, ours / peer, who)
    return Row(work, ours, peer, ours / peer, who, f"at most 1/{parts}", ours <= peer / parts)


found: list[str] = []  # what the peers' fits cost beside the time in the table, and how good they are


def tell(who: str, work: str, model: str, file: Path, told: dict[str, Any]) -> None:
    below = fresh(shortfall, model, file, told["params"])
    compiling = f"{told['compiling']:.2f}" if "compiling" in told else "–"
    first = "failed" if told["first"] is None else f"{told['first']:.2f}"
    found.append(f"| {who} | {work} | {told['import']:.2f} | {first} | {compiling} | {below:.4f} |")


def fit_rows() -> Iterator[Row]:
    who = LIFETIMES_PEER.name
    for work, kind, model, n, parts in (
        ("BG/NBD fit, CDNOW", "cdnow", "BetaGeoNBD", 2357, 10),
        ("BG/NBD fit, 1,000,000 customers in whole days", "days", "BetaGeoNBD", MILLION, 20),
        ("BG/NBD fit, 1,000,000 customers in continuous time", "continuous", "BetaGeoNBD", MILLION, 2),
        ("Pareto/NBD fit, 100,000 customers in whole days", "days", "ParetoNBD", 100_000, 20),
        ("Pareto/NBD fit, 100,000 customers in continuous time", "continuous", "ParetoNBD", 100_000, 20),
    ):
        file, grouped = customers(kind, model, n), kind == "days" and model == "BetaGeoNBD"
        repeats = 15 if n < 10_000 else 3
        (before,) = fresh(fit_seconds, model, repeats, file)
        try:
            told = peer_fits(LIFETIMES_PEER, model, file, repeats if n < 10_000 else 1, *["grouped"] * grouped)
        except Unfinished as error:
            # The true ratio is smaller still.
            reached = True if before <= PATIENCE / parts else None
            yield Row(work, before, str(error), f"below {before / PATIENCE:.2g}", who, f"at most 1/{parts}", reached)
            continue
        except NotMeasured as error:
            yield Row(work, before, str(error), "–", who, f"at most 1/{parts}")
            continue
        (after,) = fresh(fit_seconds, model, repeats, file)  # the machine may be busier now
        ours = (before + after) / 2
        yield beside(work, ours, statistics.median(told["times"]), who, parts)
        if grouped:
            for name, how in (("grouped", "inside the clock"), ("grouped_outside", "outside the clock")):
                peer = f"{who}, rows grouped by hand {how}"
                yield beside(work, ours, statistics.median(told[name]), peer, 2 if name == "grouped" else None)
        tell(who, work, model, file, told)


def value_rows() -> Iterator[Row]:
    for model, label in (("BetaGeoNBD", "BG/NBD"), ("ParetoNBD", "Pareto/NBD")):
        for kind, times in (("days", "in whole days"), ("continuous", "in continuous time")):
            file = customers(kind, model, MILLION)
            (ours,), peak = fresh(value_seconds, fresh(fit_both, file, model), model, file)
            reached, target = (ours < 3 and peak < 2e9, "under 3 s and 2 GB") if model == "BetaGeoNBD" else (None, "–")
            work = f"value of 1,000,000 customers {times}, one year, with intervals ({label})"
            yield Row(work, f"{ours:.3g}, peak {peak / 1e9:.2f} GB", target=target, reached=reached)


def growth_rows() -> Iterator[Row]:
    for label, kind, model, n in (
        ("BG/NBD fit, whole days", "days", "BetaGeoNBD", 100_000),
        ("BG/NBD fit, continuous time", "continuous", "BetaGeoNBD", 100_000),
        ("Pareto/NBD fit, continuous time", "continuous", "ParetoNBD", 20_000),
        ("value, whole days", "days", "BetaGeoNBD", 100_000),
        ("value, continuous time", "continuous", "BetaGeoNBD", 100_000),
    ):
        files = [customers(kind, model, n), customers(kind, model, 10 * n)]
        if label.startswith("value"):
            (small, large), _ = fresh(value_seconds, fresh(fit_both, files[0], model), model, *files)
        else:
            small, large = fresh(fit_seconds, model, 3, *files)
        yield Row(
            f"{label}: {10 * n:,} customers",
            *(large, small, large / small),
            f"ours, {n:,} customers",
            "at most 12",
            large <= 12 * small,
        )


def peer_rows() -> Iterator[Row]:
    for label, kind, model, n in (
        ("BG/NBD fit, CDNOW", "cdnow", "BetaGeoNBD", 2357),
        ("BG/NBD fit, 100,000 customers in whole days", "days", "BetaGeoNBD", 100_000),
        ("Pareto/NBD fit, CDNOW", "cdnow", "ParetoNBD", 2357),
        ("Pareto/NBD fit, 100,000 customers in whole days", "days", "ParetoNBD", 100_000),
    ):
        file = customers(kind, model, n)
        (ours,) = fresh(fit_seconds, model, 15 if n < 10_000 else 3, file)
        for peer in OTHERS:
            if model not in peer.models:
                continue
            try:
                told = peer_fits(peer, model, file, 3 if n < 10_000 else 1)
            except Unfinished as error:
                yield Row(label, ours, str(error), f"below {ours / PATIENCE:.2g}", peer.name)
                continue
            except NotMeasured as error:
                yield Row(label, ours, str(error), "–", peer.name)
                continue
            took = statistics.median(told["times"])
            yield beside(label, ours, took, peer.name)
            if "compiling" in told:
                who, rest = f"{peer.name}, compiling left out", took - told["compiling"]
                yield beside(label, ours, rest, who) if rest > 0 else Row(label, ours, "too short to tell", "–", who)
            tell(peer.name, label, model, file, told)


def coverage_table() -> Iterator[str]:
    for model, n in COVERAGE_CUSTOMERS.items():
        shares, largest, refused = fresh(covered, model, n, range(SEEDS))
        # Of 21 parameters about one is outside by luck; then other and more samples decide, and both are told.
        again = {}
        if not all(0.87 <= share <= 0.93 for share in shares.values()):
            again, _, _ = fresh(covered, model, n, range(SEEDS, 6 * SEEDS))
        for name, share in shares.items():
            more = f"{again[name]:.1%}" if again else "–"
            well = "yes" if 0.87 <= again.get(name, share) <= 0.93 else "**no**"
            sample = f"{model} | {n:,} | {largest:.2f} | {refused}"
            yield f"| {sample} | {name} | {TRUTH[model][name]} | {share:.1%} | {more} | {well} |"


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part alone; may be repeated")
    parts = parser.parse_args().only or PARTS
    say(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}\n")

    rows = {"fits": fit_rows, "value": value_rows, "growth": growth_rows, "peers": peer_rows}
    if measured := [part for part in rows if part in parts]:
        say("| work | ours, s | peer, s | ours / peer | peer | target | reached |\n|---|---|---|---|---|---|---|")
    for part in measured:
        for row in rows[part]():
            say(str(row))
    if found:
        say("\n| peer | work | import, s | first small fit, s | compiling in a fit, s | log-likelihood below ours |")
        say("|---|---|---|---|---|---|")
        say("\n".join(found))
    if "coverage" in parts:
        say(f"\nShare of {SEEDS} samples whose 90% interval, in the log of the parameter, covers the truth.\n")
        more = f"covered, {5 * SEEDS:,} more"
        say(f"| model | customers | largest error | refused | parameter | truth | covered | {more} | within 87–93% |")
        say("|---|---|---|---|---|---|---|---|---|")
        for line in coverage_table():
            say(line)


if __name__ == "__main__":
    main()
