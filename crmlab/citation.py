"""How to cite this release; CITATION.cff says the same, and a test keeps them together."""

import crmlab

YEAR = 2026


def bibtex() -> str:
    """The BibTeX entry of this release.

    Examples
    --------
    >>> print(bibtex())  # doctest: +ELLIPSIS
    @software{crmlab,
      author = {{The crmlab authors}},
      title = {crmlab: a workbook on customer relationships in supply chains},
    ...
    """
    fields = {
        "author": "{The crmlab authors}",
        "title": "crmlab: a workbook on customer relationships in supply chains",
        "version": crmlab.__version__,
        "year": str(YEAR),
        "license": "BSD-3-Clause (code), CC-BY-4.0 (text and simulated data)",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@software{{crmlab,\n{lines}\n}}"
