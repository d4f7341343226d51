"""Notebooks as functions: parameters in, recorded results out.

In a notebook: `allow`, `between`, `one_of`, `any_of`, `record`, `decide`, `answer`.
Around a notebook: `parameters`, `run`, `results`, `refresh`, `lint`.
Many runs of it: `sweep`, `Catalogue`, `performance`.
"""

from crmlab.runner.cases import StudyError
from crmlab.runner.catalogue import Catalogue, SweepError
from crmlab.runner.execution import NotebookError, Run, run
from crmlab.runner.inputs import Parameter, ParameterError, allow, any_of, between, one_of, parameters
from crmlab.runner.provenance import listen_for_data_reads
from crmlab.runner.records import RecordError, answer, decide, record, results, stored_results
from crmlab.runner.simulation_study import performance
from crmlab.runner.sweeps import sweep

__all__ = [
    "Catalogue",
    "NotebookError",
    "Parameter",
    "ParameterError",
    "RecordError",
    "Run",
    "StudyError",
    "SweepError",
    "allow",
    "answer",
    "any_of",
    "between",
    "decide",
    "one_of",
    "parameters",
    "performance",
    "record",
    "results",
    "run",
    "stored_results",
    "sweep",
]

listen_for_data_reads()
