"""Loops as text: ``c`` prints the kernels, ``program`` the table of calls and what runs it, ``prelude`` what all of them share."""
