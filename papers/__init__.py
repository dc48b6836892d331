"""Papers whose figures and tables hoad reproduces: one folder each, listed and run by ``python -m papers``.

A folder is a paper if it has a ``reproduce.py`` with ``TITLE``, ``run(reduced) -> Result`` and ``plot(result, path)``; nothing
else has to be edited to add one.
"""
