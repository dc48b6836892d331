"""Transforms: functions from functions to derivatives, each a composition of modes."""
