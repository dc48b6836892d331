"""Modes: what each kind of box keeps beside its value, and how an operation on it proceeds.

``forward`` (duals), ``reverse`` (tape), ``taylor`` (jets), ``batch`` (hidden axes), ``record`` (programs).
"""
