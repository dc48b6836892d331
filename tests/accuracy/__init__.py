"""How accurate derivatives of special functions are, against mpmath to 50 digits: ``python -m tests.accuracy``."""
