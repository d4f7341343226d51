"""Notebooks as functions: parameters in, recorded results out.

In a notebook: `allow`, `between`, `one_of`, `any_of`, `record`, `decide`, `answer`.
Around a notebook: `parameters`, `run`, `results`, `refresh`, `lint`.
"""

from crmlab.runner.execution import NotebookError, Run, run
from crmlab.runner.inputs import Parameter, ParameterError, allow, any_of, between, one_of, parameters
from crmlab.runner.provenance import listen_for_data_reads
from crmlab.runner.records import RecordError, answer, decide, record, results, stored_results

__all__ = [
    "NotebookError",
    "Parameter",
    "ParameterError",
    "RecordError",
    "Run",
    "allow",
    "answer",
    "any_of",
    "between",
    "decide",
    "one_of",
    "parameters",
    "record",
    "results",
    "run",
    "stored_results",
]

listen_for_data_reads()
