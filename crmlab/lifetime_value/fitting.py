"""What the models share: maximum likelihood and what follows from it; and what to say where it fails.

A model states its log-likelihood with first and second derivatives, `LikelihoodModel` does the rest. All parameters are
positive, and the maximum is sought in their logarithms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from crmlab import stats
from crmlab.lifetime_value.arguments import check_level, check_number, row_weights
from crmlab.lifetime_value.climbing import FAR, FLAT, Climb, climb

NUDGE = 1e-4  # of the logarithm of a parameter, for the slopes of predictions


class FitError(ValueError):
    """The data do not settle the parameters of the model. The message says what they lack, and what to do.

    Attributes
    ----------
    limit : model or None
        Where the likelihood keeps rising: a model so far on that way that a millionth a customer is left to gain. It
        predicts, and has no standard errors. None where there was nothing to fit.
    """

    def __init__(self, message: str, limit: Any = None) -> None:
        super().__init__(message)
        self.limit = limit


class LikelihoodModel(BaseEstimator):
    """A model with a few positive parameters, fitted by maximum likelihood.

    A model gives the names of its parameters and the methods that raise NotImplementedError here: `_rows` (the distinct
    rows of a table, their `weight` among them), `_shortage` (why no fit is worth trying), `_start` (a first guess),
    `_derivatives`, and `_simulated_like` (a table drawn from the model).
    """

    _names: ClassVar[tuple[str, ...]]
    # What it means when parameters grow (+1) or shrink (-1) without end.
    _limits: ClassVar[tuple[tuple[Mapping[str, int], str], ...]]
    # What a fit learns beside parameters and covariance.
    _learned: ClassVar[tuple[str, ...]] = (
        "log_likelihood_",
        "aic_",
        "bic_",
        "n_customers_",
        "n_iter_",
        "gradient_norm_",
    )

    def _rows(self, summary: pd.DataFrame, weight: np.ndarray) -> Any:
        raise NotImplementedError

    def _few(self, rows: Any) -> Any:
        """Some of the rows, to begin with; None where they are few anyway."""
        return None

    def _shortage(self, rows: Any) -> str | None:
        raise NotImplementedError

    def _start(self, rows: Any) -> np.ndarray:
        raise NotImplementedError

    def _derivatives(self, params: np.ndarray, rows: Any) -> tuple[float, np.ndarray, np.ndarray]:
        """Log-likelihood, gradient and Hessian in the parameters themselves."""
        raise NotImplementedError

    def _simulated_like(self, summary: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Customers drawn from the model, as many as those of a summary and observed for as long."""
        raise NotImplementedError

    def fit(self, summary: pd.DataFrame, weights: ArrayLike | None = None) -> Self:
        """Find the parameters under which the data are most likely.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary` (for contracts that are renewed, `renewals`).
        weights : array, one entry a row of `summary`, optional
            How many customers a row stands for, 0 or more; 1 each if not given.

        Returns
        -------
        The model itself.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        FitError
            The data do not settle the parameters; the message says what they lack.
        ValueError
            The weights do not fit the rows, are negative or not finite; or the model refuses a value.
        """
        rows = self._rows(summary, row_weights(weights, summary))
        if shortage := self._shortage(rows):
            raise FitError(f"{type(self).__name__} cannot be fitted: {shortage}")
        total, start = rows.weight.sum(), np.log(self._start(rows))
        few = self._few(rows)
        known = few and climb(self._in_logs(few), start)  # most steps on few rows
        end = climb(self._in_logs(rows), start, known.point if known and known.top else None)
        if not end.top:
            limit = clone(self)._know(np.exp(end.near))  # further on the arithmetic fails, and nothing is gained
            raise FitError(f"{type(self).__name__} cannot be fitted: {self._why(end, start)}", limit)
        self._know(np.exp(end.point))
        half = end.axes / np.sqrt(total * end.curvature) * np.exp(end.point)[:, None]
        self._set_covariance(half @ half.T)
        self.log_likelihood_ = float(total * end.value)
        self.aic_ = 2 * len(self._names) - 2 * self.log_likelihood_
        self.bic_ = float(len(self._names) * np.log(total) - 2 * self.log_likelihood_)
        self.gradient_norm_, self.n_iter_ = end.gradient_norm, end.n_iter
        self.n_customers_ = rows.n_customers
        return self

    def _in_logs(self, rows: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]:
        """The log-likelihood a unit of weight, its gradient and Hessian, as a function of the log parameters."""
        total = rows.weight.sum()

        def derivatives(logs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            params = np.exp(logs)
            value, gradient, hessian = self._derivatives(params, rows)
            gradient = params * gradient
            hessian = params[:, None] * hessian * params + np.diag(gradient)
            return value / total, gradient / total, hessian / total

        return derivatives

    def log_likelihood(self, summary: pd.DataFrame) -> float:
        """The log-likelihood of a summary under the model's parameters, summed over its customers.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            As for `fit`.

        Returns
        -------
        float

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        """
        return float(self._derivatives(self._known(), self._rows(summary, np.ones(len(summary))))[0])

    # --- intervals --------------------------------------------------------------------------------------------------

    def interval(
        self,
        prediction: Callable[[Any], Any],
        *,
        level: float = 0.9,
        within: tuple[float, float] = (-np.inf, np.inf),
    ) -> pd.DataFrame:
        """An interval for whatever follows from the model, by the delta method.

        Parameters
        ----------
        prediction : function of one model
            Gives a number, or a list, a Series or a mapping of them: ``lambda model: model.expected_purchases(52)``.
        level : float
            The confidence, between 0 and 1.
        within : (float, float)
            What the prediction cannot leave, (0, 1) for a probability: the interval is cut off there.

        Returns
        -------
        DataFrame, one row a number, indexed as the prediction's Series or mapping
            `value`, `low` and `high`, in the unit of the prediction.

        Raises
        ------
        ValueError
            The model has no covariance, as it was not fitted; the prediction gives no finite numbers; or `level` or
            `within` is out of range.

        Notes
        -----
        It covers the errors of the parameters, not the luck of a single customer, nor a wrong model: DECISIONS.md,
        "Intervals of predictions".

        References
        ----------
        Casella and Berger (2002), Statistical Inference, section 5.5.4.

        Examples
        --------
        >>> import numpy as np
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> known = BetaGeoNBD.from_params(r=0.25, alpha=4.5, a=0.8, b=2.5)
        >>> model = BetaGeoNBD().fit(known.simulate(np.full(3000, 39.0), random_state=1))
        >>> model.interval(lambda model: model.expected_purchases(52)).round(2)
           value  low  high
        0    1.5  1.4   1.6
        """
        check_level(level)
        if not within[0] < within[1]:
            raise ValueError(f"within must be the lowest and the highest number possible, not {within!r}")
        numbers = _numbers(prediction, self)
        half = ndtri((1 + level) / 2) * np.sqrt(self._variance(lambda model: _numbers(prediction, model).to_numpy()))
        ends = {"low": np.clip(numbers - half, *within), "high": np.clip(numbers + half, *within)}
        return pd.DataFrame({"value": numbers, **ends}, index=numbers.index)

    def parametric_bootstrap(
        self,
        prediction: Callable[[Any], Any],
        summary: pd.DataFrame,
        *,
        resamples: int = 200,
        random_state: int | np.random.Generator | None = None,
    ) -> pd.DataFrame:
        """What a prediction would be, had the model drawn other customers: simulated, fitted and predicted anew.

        Parameters
        ----------
        prediction : function of one model
            Gives a number, or several by name (a mapping or a Series).
        summary : DataFrame, one row a customer
            As for `fit`: as many customers are drawn, each observed for as long.
        resamples : int
        random_state : int, Generator or None
            The same int gives the same draws.

        Returns
        -------
        DataFrame, one row a resample
            A column a name (`value` for a plain number); `crmlab.stats.interval` takes it.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        RuntimeError
            A resample cannot be fitted at all, or the prediction fails on it.

        Notes
        -----
        Where the likelihood of a resample rises for ever, its limit is taken, as in `fit_or_limit`.

        References
        ----------
        Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 6.5.

        Examples
        --------
        >>> from crmlab import stats
        >>> from crmlab.lifetime_value import GammaGamma
        >>> import numpy as np, pandas as pd
        >>> table = pd.DataFrame({"customer_id": np.arange(800), "frequency": 4, "recency": 20.0, "T": 39.0})
        >>> model = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
        >>> table["monetary_value"] = model.simulate(table["frequency"], random_state=1)
        >>> draws = model.parametric_bootstrap(lambda m: m.mean_spend(), table, resamples=50, random_state=1)
        >>> stats.interval(draws).round(1)
                low  high
        value  33.9  36.7
        """
        self._known()
        rng = np.random.default_rng(random_state)

        def calculation(table: pd.DataFrame) -> Any:
            return prediction(fit_or_limit(clone(self), table))

        return stats.repeat(calculation, lambda: self._simulated_like(summary, rng), resamples)

    def _variance(self, prediction: Callable[[Any], np.ndarray]) -> np.ndarray:
        """The variance of what follows from the model, by the delta method in the logarithms of its parameters."""
        return self._variance_of(self._slopes(prediction))

    def _slopes(self, prediction: Callable[[Any], np.ndarray]) -> np.ndarray:
        """How a prediction changes with the logarithms of the parameters: a row a parameter, by central differences."""
        params, slopes = self._known(), []
        for nudge in NUDGE * np.eye(len(params)):
            up, down = (prediction(clone(self)._know(params * np.exp(move))) for move in (nudge, -nudge))
            slopes.append((np.asarray(up, dtype=float) - down) / (2 * NUDGE))
        return np.stack(slopes)

    def _variance_of(self, slopes: np.ndarray) -> np.ndarray:
        """The variance of predictions with these slopes."""
        params = self._known()
        if not hasattr(self, "covariance_"):
            raise ValueError(
                f"this {type(self).__name__} was made by from_params, and the errors of its parameters are not known: "
                "fit the model (customer_lifetime_value takes level=None, for values without an interval)"
            )
        covariance = self.covariance_.to_numpy() / np.outer(params, params)
        return np.maximum(((covariance @ slopes) * slopes).sum(axis=0), 0)

    # --- keeping ----------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The model as text: settings, parameters, and what the fit learned; no data.

        Returns
        -------
        str
            JSON, which `from_json` reads to the last bit.

        Examples
        --------
        >>> from crmlab.lifetime_value import GammaGamma
        >>> GammaGamma.from_params(p=6.25, q=3.74, v=15.44).to_json()
        '{"model": "GammaGamma", "settings": {}, "params": {"p": 6.25, "q": 3.74, "v": 15.44}}'
        """
        self._known()
        kept = {"model": type(self).__name__, "settings": self.get_params(), "params": self.params_.to_dict()}
        if hasattr(self, "covariance_"):
            kept |= {"covariance": self.covariance_.to_numpy().tolist()}
            kept |= {name.rstrip("_"): getattr(self, name) for name in self._learned}
        return json.dumps(kept, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The model that `to_json` wrote.

        Parameters
        ----------
        text : str

        Raises
        ------
        ValueError
            The text is not JSON, or of another model, or something in it is missing or out of range.

        Examples
        --------
        >>> from crmlab.lifetime_value import GammaGamma
        >>> text = GammaGamma.from_params(p=6.25, q=3.74, v=15.44).to_json()
        >>> GammaGamma.from_json(text).params_.to_dict()
        {'p': 6.25, 'q': 3.74, 'v': 15.44}
        """
        name = cls.__name__
        try:
            kept = json.loads(text)
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"this is no {name} as to_json writes it: {error}") from None
        theirs = kept.get("model") if isinstance(kept, dict) else None
        if theirs != name:
            raise ValueError(f"this is no {name} as to_json writes it: its model is {theirs!r}")
        try:
            for part in ("params", "settings"):
                if not isinstance(kept[part], dict):
                    raise ValueError(f"{part} must be names with values, not {kept[part]!r}")
            model = cls.from_params(**kept["params"], **kept["settings"])
            if "covariance" in kept:
                model._set_covariance(_covariance(kept["covariance"], len(cls._names)))
                for learned in cls._learned:
                    least = -np.inf if learned in ("log_likelihood_", "aic_", "bic_") else 0
                    value = kept[learned.rstrip("_")]
                    check_number(learned.rstrip("_"), value, low=least)
                    setattr(model, learned, value)
        except KeyError as error:
            raise ValueError(f"this {name} is not whole: {error} is missing") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"this {name} cannot be read: {error}") from None
        return model

    # --- parameters -------------------------------------------------------------------------------------------------

    def _know(self, params: ArrayLike) -> Self:
        """Take parameters as known."""
        given = pd.Series(params, index=self._names, name="params")
        for name, value in given.items():
            check_number(str(name), value, above=0)
        self.params_ = given.astype(float)
        self._unit_of_params = getattr(self, "unit", None)
        return self

    def _known(self) -> np.ndarray:
        name = type(self).__name__
        message = f"this {name} has no parameters yet: call fit(summary), or make one by {name}.from_params(...)"
        check_is_fitted(self, "params_", msg=message)
        if self._unit_of_params != (unit := getattr(self, "unit", None)):
            raise ValueError(f"the parameters are by the {self._unit_of_params}: fit the model anew for {unit!r}")
        return self.params_.to_numpy()

    def _set_covariance(self, square: np.ndarray) -> None:
        self.covariance_ = pd.DataFrame(square, index=self._names, columns=self._names)
        self.standard_errors_ = pd.Series(np.sqrt(np.diag(square)), index=self._names)

    def _why(self, end: Climb, start: np.ndarray) -> str:
        """What an attempt that found no maximum tells of the data."""
        moved = end.point - start
        running = {name: int(np.sign(m)) for name, m in zip(self._names, moved, strict=True) if abs(m) > FAR / 2}
        if running:
            ways = ", ".join(f"{name} {'grows' if sign > 0 else 'shrinks'}" for name, sign in running.items())
            meanings = []
            for way, meaning in self._limits:
                if way.items() <= running.items():
                    meanings.append(meaning)
                    running = {name: sign for name, sign in running.items() if name not in way}
            what = f"the likelihood keeps rising as {ways}. " + "".join(f"It seems that {m}. " for m in meanings)
        elif end.curvature[0] <= FLAT:
            mixed = [name for name, share in zip(self._names, end.axes[:, 0], strict=True) if abs(share) > 0.3]
            what = f"many values of {' and '.join(mixed)} explain these data equally well. "
        else:
            what = f"no maximum was found in {end.n_iter} steps (gradient norm {end.gradient_norm:.1g} a customer). "
        return what + "Add customers, observe longer, or use a simpler model."


def fit_or_limit(model: Any, summary: pd.DataFrame) -> Any:
    """A model fitted, or at the limit that its likelihood rises to: for resamples, of which none may be left out.

    Parameters
    ----------
    model : BetaGeoNBD or GammaGamma
    summary : DataFrame, one row a customer
        Contract `customer_summary`.

    Returns
    -------
    The model fitted; or the limit, which predicts but has no standard errors (DECISIONS.md, "When a model has no fit").

    Raises
    ------
    ContractError
        `summary` breaks its contract.
    FitError
        There is nothing to fit, and so no limit.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> few = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [2, 3], "recency": [20.0, 30.0], "T": [39.0, 39.0]})
    >>> fit_or_limit(BetaGeoNBD(), few).expected_purchases(39.0).round(1)
    np.float64(2.5)
    """
    try:
        return model.fit(summary)
    except FitError as error:
        if error.limit is None:
            raise
        return error.limit


def _numbers(prediction: Callable[[Any], Any], model: Any) -> pd.Series:
    """A prediction as a Series of finite numbers."""
    given = prediction(model) if callable(prediction) else prediction
    try:
        series = pd.Series(given, dtype=float)
    except (TypeError, ValueError):
        series = pd.Series(dtype=float)
    if not callable(prediction) or series.empty or not np.isfinite(series).all():
        raise ValueError(
            "prediction must be a function of one model that gives finite numbers: one, or a list, Series or mapping "
            f"of them; {'it gave' if callable(prediction) else 'it is'} {given!r}"
        )
    return series


def _covariance(rows: Any, size: int) -> np.ndarray:
    """A covariance matrix, refused where it is none."""
    try:
        square = np.array(rows, dtype=float)
    except (TypeError, ValueError):
        square = np.empty(0)
    if square.shape != (size, size) or not np.isfinite(square).all():
        raise ValueError(f"covariance must be {size} rows of {size} finite numbers")
    variances = np.diag(square)
    if not (square == square.T).all() or (variances < 0).any():
        raise ValueError("the covariance is not symmetric, or a variance is negative")
    scale = np.sqrt(np.where(variances > 0, variances, 1))
    if np.linalg.eigvalsh(square / np.outer(scale, scale))[0] < -1e-8:
        raise ValueError("the covariance is none: its correlations contradict each other")
    return square
