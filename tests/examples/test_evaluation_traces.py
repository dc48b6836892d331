"""Traces and graphs: the textbook's columns, node and edge counts, and the order."""

from __future__ import annotations

import pytest

import hoad


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("evaluation_traces")


def columns(text, title):
    """Step -> primal, tangents and adjoint of one printed trace."""
    lines = text[text.index(title) :].splitlines()[3:]
    lines = lines[: next(k for k, line in enumerate(lines) if line.startswith("result"))]
    return [[float(word) for word in line.split()[-4:]] for line in lines]


def test_textbook_columns(done, printed):
    """Primal, tangent by x1, tangent by x2, adjoint; the logarithm is evaluated after the sum in Python's order."""
    expected = [
        [2, 1, 0, 3.5],
        [4, 0, 1, 3],
        [8, 4, 2, 1],
        [12, 4, 3, 1],
        [printed("0.6931471806"), 0.5, 0, -1],
        [printed("11.30685282"), 3.5, 3, 1],
    ]
    assert columns(done.text, "y = x1 x2 + x2") == expected
    assert "Hessian [[0.25, 1.0], [1.0, 0.0]]" in done.text
    assert "third derivative by x1 -0.25" in done.text


def test_survey_columns(done, printed):
    rows = columns(done.text, "y = ln x1")
    assert rows[-1] == [printed("11.652"), 5.5, printed("1.716"), 1]
    assert [row[-1] for row in rows[:2]] == [5.5, printed("1.716")]


def test_general_quadratic_has_eight_operations(done):
    program = hoad.trace(done.module.quadratic)(2.0, 5.0)
    assert len(program) == 8
    assert "2 x² + 3 x y + 5 y²: 8 operations, 11 edges, order topological" in done.text
    assert "gradient at (2, 5): [23.0, 56.0]" in done.text  # 2 a x + b y, b x + 2 c y


def test_quadratic_of_ones_has_five_operations_and_eight_edges(done):
    program = hoad.trace(done.module.quadratic_of_ones)(2.0, 5.0)
    names = [program.label(slot) for slot in range(2)] + [step.primitive.name for step in program.steps]
    edges = sorted((names[tail], names[head]) for tail, head in program.edges)
    twice = [("add", "add"), ("multiply", "add"), ("pow", "add"), ("pow", "add")]
    assert edges == sorted([*twice, ("x", "pow"), ("y", "pow"), ("x", "multiply"), ("y", "multiply")])
    assert len(program) == 5
    assert "x² + x y + y²: 5 operations, 8 edges, order topological" in done.text
    assert "gradient at (2, 5): [9.0, 12.0]" in done.text


def test_an_order_that_is_not_topological_is_told_apart(done):
    class Backwards:
        edges = [(0, 2), (3, 2)]

    assert not done.module.is_topological(Backwards())


def test_dot_has_every_node_and_edge(done):
    program = hoad.trace(done.module.quadratic_of_ones)(2.0, 5.0)
    dot = program.to_dot()
    assert dot in done.text
    assert dot.count("->") == 8
    assert dot.count("[label=") == 7
