"""`python -m crmlab`."""

from crmlab.cli import main

main()
