"""Every exception class of hoad with its message, so that they can be reviewed together.

Each message says what was found, what was expected and what to try, in the user's terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = [
    "ArgumentWriteError",
    "CellError",
    "ClosureError",
    "CommandError",
    "CompileError",
    "ConvergenceError",
    "DTypeError",
    "DerivativeMismatchError",
    "HoadError",
    "ImplicitError",
    "InPlaceError",
    "IntegrationError",
    "LeakedTraceError",
    "LoadError",
    "LoopError",
    "MaterialError",
    "MechanicsError",
    "NoCompilerError",
    "NonFiniteError",
    "NotLinearError",
    "NotScalarError",
    "OptimizeError",
    "RuleError",
    "SettingError",
    "SolverError",
    "ShapeError",
    "SparsityError",
    "StructureError",
    "TracedConversionError",
    "UnsupportedFunctionError",
]


def _short(value: Any) -> str:
    """A value on one line: numbers as they are, arrays by shape and range."""
    shape = getattr(value, "shape", ())
    if not shape:
        return repr(value)
    try:
        return f"array of shape {shape} in [{value.min():g}, {value.max():g}]"
    except (TypeError, ValueError):
        return f"array of shape {shape}"


class HoadError(Exception):
    """Base class of every error that hoad raises on purpose."""


class ShapeError(HoadError, ValueError):
    """Two shapes that must agree do not."""

    @classmethod
    def direction(cls, what: str, found: Any, expected: Any) -> ShapeError:
        return cls(
            f"{what} has shape {found}, expected {expected}: the shape of the point. "
            f"Reshape or broadcast it explicitly, for example np.broadcast_to({what}, {expected})."
        )


class DTypeError(HoadError, TypeError):
    """An argument to differentiate has a dtype that has no derivatives."""

    @classmethod
    def not_inexact(cls, dtype: Any, where: str) -> DTypeError:
        return cls(
            f"{where} has dtype {dtype}, expected a real or complex floating dtype: "
            "derivatives of integers and booleans do not exist. Convert it with x.astype(float)."
        )

    @classmethod
    def complex_needs_flag(cls, where: str) -> DTypeError:
        return cls(
            f"{where} returned a complex value, expected a real one: a gradient needs a real objective. "
            "Return a real function of it (np.abs(z)**2, z.real), or use grad(..., holomorphic=True) "
            "for the complex derivative of a holomorphic function."
        )


class NotScalarError(HoadError, TypeError):
    """``grad`` was given a function whose value is not a scalar."""

    @classmethod
    def found(cls, transform: str, shape: Any) -> NotScalarError:
        return cls(
            f"{transform} needs a function that returns a scalar, but it returned {shape}. "
            "Reduce the output (np.sum, np.mean), or use hoad.jacobian or hoad.vjp."
        )


class StructureError(HoadError, TypeError):
    """Two containers that must have the same structure do not."""

    @classmethod
    def differ(cls, what: str, found: Any, expected: Any) -> StructureError:
        return cls(
            f"{what} has structure {found}, expected {expected}: the structure of the point. "
            "Give it the same nesting of dicts, lists and tuples, one array for each array."
        )


class UnsupportedFunctionError(HoadError, NotImplementedError, TypeError):
    """A function that has no derivative rule met a traced value."""

    @classmethod
    def no_rule(cls, name: str, detail: str = "") -> UnsupportedFunctionError:
        return cls(
            f"{name} has no derivative rule{detail}. If it is linear, elementwise or built from known functions, "
            "one statement in hoad/rules makes every mode work: docs/how_to/add_a_function. In your own code, "
            "hoad.primitive or hoad.custom_jvp registers a rule; hoad.stop_gradient(x) passes plain numbers through."
        )


class TracedConversionError(HoadError, TypeError):
    """A traced value was about to be turned into a plain number, which would drop its derivative."""

    @classmethod
    def conversion(cls, how: str, instead: str) -> TracedConversionError:
        return cls(
            f"{how} on a traced value would drop its derivative. Use {instead}; "
            "if you do want the plain number, use hoad.stop_gradient(x)."
        )

    @classmethod
    def into_array(cls) -> TracedConversionError:
        return cls.conversion(
            "np.asarray, np.array or an assignment into a plain array",
            "hoad.numpy.array, hoad.numpy.asarray or np.stack to build arrays, and hoad.numpy.zeros or np.zeros_like(x) "
            "for a buffer to fill",
        )


class InPlaceError(HoadError, TypeError):
    """An in-place update cannot be carried out without giving a wrong derivative."""

    @classmethod
    def overwritten(cls, shape: Any, dtype: Any) -> InPlaceError:
        return cls(
            f"a plain array of shape {shape} and dtype {dtype} was overwritten after a traced operation had used it, and its "
            "old content is needed for the derivative. Give each operation an array of its own (t = np.sin(s) instead of "
            "np.sin(s, out=t)), or a copy (x * t.copy())."
        )

    @classmethod
    def read_only(cls) -> InPlaceError:
        return cls(
            "an in-place update of a read-only array (an input that is read-only, or np.broadcast_to, np.diagonal). "
            "Copy it first: y = x.copy()."
        )

    @classmethod
    def plain_buffer(cls, what: str, buffer: Any, advice: str) -> InPlaceError:
        return cls(
            f"{what} is a plain {type(buffer).__name__}, which cannot hold the derivative of a traced result. "
            f"{advice} the buffer with np.zeros_like(x) or hoad.numpy.zeros."
        )


class ArgumentWriteError(InPlaceError):
    """A compiled function writes into one of its arguments."""

    @classmethod
    def found(cls, name: str) -> ArgumentWriteError:
        return cls(
            f"{name} writes into one of its arguments, expected one that leaves them as they are: a compiled function does not "
            "change what its caller holds. Let it work on a copy (x = x.copy()) and return the result."
        )


class ImplicitError(HoadError, ArithmeticError):
    """An implicit function has no derivative at the solution that its solver returned."""

    @classmethod
    def not_solved(cls, correction: float, tolerance: float) -> ImplicitError:
        return cls(
            f"the solver's result does not solve residual(z, *args) = 0: one Newton step would change it by {correction:.2g} of "
            f"its size, expected at most {tolerance:.2g}. Tighten the tolerance of the solver, see that solver and residual state "
            "the same equations, or accept derivatives of that accuracy with check=False."
        )

    @classmethod
    def not_finite(cls, what: str) -> ImplicitError:
        return cls(
            f"{what} is NaN or infinite, expected finite numbers at the solution. The solver failed, or the residual is not "
            "defined there; start the solver elsewhere or guard the arguments."
        )

    @classmethod
    def singular(cls, rcond: float) -> ImplicitError:
        return cls(
            f"the Jacobian of the residual is singular at the solution (reciprocal condition number {rcond:.2g}), expected an "
            "invertible one: at a multiple root or a turning point the solution has no derivative. Leave that point, or state the "
            "equation so that the root is simple."
        )

    @classmethod
    def shape(cls, found: Any, expected: Any) -> ImplicitError:
        return cls(
            f"the residual returned shape {found}, expected {expected}: the shape of the solver's result, one equation for each "
            "unknown. Return it in that shape."
        )

    @classmethod
    def coupled(cls, components: int) -> ImplicitError:
        return cls(
            f"the residual couples unknowns of different points, expected structure='pointwise' with {components} component(s) on "
            "the leading axis. Use structure='dense', or give the number of unknowns at one point as components=."
        )

    @classmethod
    def components(cls, found: Any, components: int) -> ImplicitError:
        return cls(
            f"the solver returned shape {found}, expected a leading axis of components={components}. Return the unknowns of a "
            "point along the first axis, and the points behind it."
        )

    @classmethod
    def complex_numbers(cls, what: str) -> ImplicitError:
        return cls(f"{what} is complex, expected real numbers. Solve for the real and the imaginary part as two unknowns.")


class IntegrationError(HoadError, ArithmeticError):
    """A differential equation or an integral has no solution of the required accuracy."""

    @classmethod
    def failed(cls, what: str, message: str, reached: float, wanted: float) -> IntegrationError:
        return cls(
            f"{what}: the solver stopped at t = {reached:.6g}, expected to reach t = {wanted:.6g} "
            f"({str(message).strip().rstrip('.')}). The solution or a derivative of it grows without bound there, the equation is "
            "stiff (use method='Radau', 'BDF' or 'LSODA'), or the tolerances are too tight."
        )

    @classmethod
    def times(cls, found: str) -> IntegrationError:
        return cls(f"t has {found}, expected one axis with at least one time, in increasing or decreasing order. Sort the times.")


class LeakedTraceError(HoadError, RuntimeError):
    """A traced value was used after the differentiation that made it had ended."""

    @classmethod
    def leaked(cls, kind: str) -> LeakedTraceError:
        return cls(
            f"a traced value ({kind}) was used after its differentiation had ended. It was probably stored in a "
            "global, an attribute or a list by the differentiated function. Return it as (auxiliary) output instead "
            "(has_aux=True), or store hoad.stop_gradient(x)."
        )


class ClosureError(HoadError, TypeError):
    """A function that is evaluated under its own rule closes over a traced value."""

    @classmethod
    def closes_over(cls, what: str) -> ClosureError:
        return cls(
            f"the function given to {what} uses a traced value from an enclosing scope, whose derivative the rule "
            "would not see. Pass that value as an argument."
        )


class CompileError(HoadError, TypeError):
    """A function cannot be compiled: its results do not depend on its arguments alone, or an argument is of no suitable kind."""

    @classmethod
    def differs(cls, name: str, step: int, first: str, second: str) -> CompileError:
        what = first if first == second else f"{first}, then {second}"
        return cls(
            f"{name} was recorded twice and did something else the second time, first at step {step + 1} ({what}); expected the "
            "same steps with the same constants for the same arguments. Does it draw random numbers, count its calls or read a "
            "clock? Pass random numbers and state to the compiled function as arguments, and return new state as a result."
        )

    @classmethod
    def static(cls, name: str, argument: str, found: str) -> CompileError:
        return cls(
            f"argument {argument} of {name} is {found}, expected numbers, arrays and containers of them, or a static argument that "
            "can be hashed (an int, a string, None, a function). Use a tuple for a list of options, or pass the arrays in it as "
            "arguments of their own."
        )

    @classmethod
    def array(cls, name: str, argument: str, found: str) -> CompileError:
        return cls(
            f"argument {argument} of {name} is {found}, expected arrays of numbers: boolean, integer, real or complex. Convert it "
            "with np.asarray(x, float)."
        )

    @classmethod
    def mixed(cls, name: str, arguments: str, error: Exception) -> CompileError:
        return cls(
            f"{name} was given arrays of the host (argument {arguments}) beside arrays of a device, and they met ({error}); "
            "expected all of them on one device. Move them with cupy.asarray(x), once, before the calls."
        )

    @classmethod
    def option(cls, what: str, found: Any, expected: str) -> CompileError:
        return cls(f"{what} is {found!r}, expected {expected}.")


class LoopError(HoadError, TypeError):
    """A loop was given functions or arrays that do not make one."""

    @classmethod
    def lengths(cls, name: str, found: Any, length: Any) -> LoopError:
        given = "" if length is None else f" and length={length}"
        return cls(
            f"{name} found leading axes of lengths {found} in xs{given}, expected one common length. Give arrays with the same "
            "first axis, or length= alone if there is nothing to go through."
        )

    @classmethod
    def no_length(cls, name: str, found: Any) -> LoopError:
        return cls(
            f"{name} was given {found}, expected the number of steps: arrays xs with a first axis, or a plain integer that is "
            "not negative. A number of steps that is traced or found on the way needs hoad.while_loop."
        )

    @classmethod
    def not_a_pair(cls, name: str, found: Any) -> LoopError:
        return cls(f"the step of {name} returned {found}, expected a tuple (new carry, y). Return (carry, None) if there is no y.")

    @classmethod
    def carry(cls, name: str, what: str, found: Any, expected: Any) -> LoopError:
        return cls(
            f"the step of {name} returned a carry with {what} {found}, expected {expected} as it was given: a carry keeps its "
            "structure, shapes and dtypes from step to step. Give an init of that kind, or convert what the step returns."
        )

    @classmethod
    def condition(cls, found: Any) -> LoopError:
        return cls(
            f"cond of while_loop returned {found}, expected one boolean, such as the result of a comparison of numbers. Use "
            "np.any or np.all for arrays."
        )

    @classmethod
    def checkpoints(cls, found: Any) -> LoopError:
        return cls(
            f"checkpoint is {found!r}, expected None (keep all states), 'all' (keep the tape of all steps), or the number of "
            "states to keep, at least 1."
        )

    @classmethod
    def not_repeatable(cls, k: int) -> LoopError:
        return cls(
            f"step {k} of a loop gave another result when the reverse sweep repeated it, expected the same: the step draws random "
            "numbers, counts its calls, or uses an array that was overwritten since. Pass such things through xs or the carry, or "
            "use checkpoint='all', which repeats nothing."
        )


class RuleError(HoadError, TypeError):
    """A derivative rule returned something that does not fit the value it belongs to."""

    @classmethod
    def shape(cls, name: str, mode: str, found: Any, expected: Any) -> RuleError:
        return cls(
            f"the {mode} rule of {name} returned shape {found}, expected {expected}. "
            "A tangent has the shape of the output, a cotangent that of the argument."
        )

    @classmethod
    def missing(cls, name: str, mode: str, give: str) -> RuleError:
        return cls(f"{name} has no {mode} rule, and its other rules do not determine one. Give it {give}.")


class NotLinearError(HoadError, TypeError):
    """``linear_transpose`` was given a function that is not linear."""

    @classmethod
    def found(cls, name: str) -> NotLinearError:
        return cls(
            f"linear_transpose needs a linear function, but {name} is applied to its argument in a way that is not "
            "linear. Use hoad.vjp, which linearises at a point first."
        )


class NonFiniteError(HoadError, FloatingPointError):
    """A derivative became NaN while ``hoad.debug_nans()`` was on."""

    @classmethod
    def found(cls, name: str, mode: str, where: str) -> NonFiniteError:
        return cls(
            f"the {mode} derivative of {name} is NaN at {where}. The value there lies outside the smooth domain of "
            f"{name}, or an earlier result overflowed. Guard the argument (np.where on the argument, not only the "
            "result), or see the table of kinks in the docs."
        )


class DerivativeMismatchError(HoadError, AssertionError):
    """Two ways to compute one derivative disagree."""

    @classmethod
    def found(cls, argument: Any, index: Any, mode: str, value: Any, expected: Any, order: int) -> DerivativeMismatchError:
        return cls(
            f"derivative of order {order}, mode {mode}: argument {argument}, index {index}: "
            f"got {value!r}, expected {expected!r}. If the function has a kink or a custom rule, look there first."
        )


class SolverError(HoadError, ArithmeticError):
    """A solver of SciPy returned something that has no derivative as the solution of its equations."""

    @classmethod
    def failed(cls, what: str, message: str) -> SolverError:
        return cls(
            f"{what} did not converge ({str(message).strip().rstrip('.')}), expected a solution: derivatives are those of the "
            "exact solution. Give it more iterations, a looser tolerance or a better start."
        )

    @classmethod
    def weakly_active(cls, what: str, index: int) -> SolverError:
        return cls(
            f"{what}: unknown {index} lies on its bound where the gradient vanishes too, expected either a bound that holds it "
            "back or a free minimum: the solution has only one-sided derivatives there. Move the bound."
        )

    @classmethod
    def unsupported(cls, what: str, found: str, advice: str) -> SolverError:
        return cls(f"{what} with traced values has no derivative rule for {found}. {advice}")


class OptimizeError(HoadError, ValueError):
    """An optimiser was asked for something that it cannot do."""

    @classmethod
    def unknown(cls, what: str, found: Any, known: Iterable[str]) -> OptimizeError:
        names = sorted(known)
        close = get_close_matches(str(found).lower(), names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "choose one of the names."
        return cls(f"{what} {found!r} is unknown, expected one of {', '.join(names)}: {hint}")

    @classmethod
    def start_not_finite(cls, value: Any) -> OptimizeError:
        return cls(
            f"the objective is {value} at the starting point, expected a finite number. Start where it is defined, "
            "or find the operation that overflows with hoad.debug_nans()."
        )

    @classmethod
    def too_many_directions(cls, k: int, n: int) -> OptimizeError:
        return cls(
            f"k = {k} directions in a space of {n} dimensions, expected 1 <= k <= {n}: further directions span nothing new. "
            f"Use k={n}, which is a full Newton step."
        )

    @classmethod
    def not_a_residual(cls, method: str) -> OptimizeError:
        return cls(
            f"{method} was given a function that returns a scalar, expected a residual or model function that returns an array. "
            "Return the residuals without squaring and adding them, or the outputs of the model with options={'loss': ...}; "
            "for a scalar objective use method='newton-cg' or 'trust-region'."
        )

    @classmethod
    def start_differs(cls, found: Any, expected: Any) -> OptimizeError:
        return cls(
            f"state belongs to method {found!r}, expected {expected!r}: a run continues with the method and the options that "
            "it was started with."
        )

    @classmethod
    def no_bounds(cls, method: str) -> OptimizeError:
        return cls(
            f"method {method!r} handles neither bounds nor constraints. Use 'L-BFGS-B', 'TNC', 'SLSQP' or 'trust-constr', "
            "which get exact derivatives as well."
        )


class SparsityError(HoadError, ValueError):
    """A sparse derivative was asked for at a point that its plan does not fit."""

    @classmethod
    def size(cls, found: int, expected: int) -> SparsityError:
        return cls(f"The plan was made for {expected} entries, and x has {found}. Make a plan for each size of x.")

    @classmethod
    def pattern(cls, name: str, row: int) -> SparsityError:
        return cls(
            f"The {name} at this point has entries outside the pattern, first seen in row {row}: the function took another branch "
            "or other indices than where the plan was made. Make a new plan at this point."
        )


class MechanicsError(HoadError, ValueError):
    """Base class of errors of :mod:`hoad.mechanics`."""


class MaterialError(MechanicsError):
    """A material was given parameters that it cannot have."""

    @classmethod
    def not_physical(cls, name: str, parameters: Any, requirement: str) -> MaterialError:
        given = ", ".join(f"{k}={_short(v)}" for k, v in parameters.items())
        return cls(f"{name}({given}) is not a physical material, expected {requirement}. Check the parameters and their units.")

    @classmethod
    def not_a_number(cls, name: str, parameter: str, value: Any) -> MaterialError:
        return cls(
            f"parameter {parameter} of {name} is {_short(value)}, expected a finite real number or an array of them that "
            "broadcasts against the points."
        )

    @classmethod
    def unknown_parameter(cls, name: str, found: list[str], known: list[str]) -> MaterialError:
        return cls(f"{name} has no parameter {', '.join(found)}, expected one of {', '.join(known)}.")


class CellError(MechanicsError):
    """A periodic cell was given an image, lengths or phases that do not describe one."""


class LoadError(MechanicsError):
    """A load cannot be applied to the cell."""


class NoCompilerError(HoadError, RuntimeError):
    """No C compiler works here, or it failed on one source; what was to be compiled is computed with NumPy instead."""

    @classmethod
    def none_works(cls, reasons: Iterable[str]) -> NoCompilerError:
        found = "; ".join(reasons) or "none is installed"
        return cls(
            f"no C compiler works ({found}), expected one of $CC, cc, gcc, clang, ziglang. Install gcc or clang, set CC, or "
            "pip install 'hoad[compile]'."
        )


class SettingError(HoadError, ValueError):
    """An environment variable that hoad reads holds something it cannot use."""

    @classmethod
    def variable(cls, name: str, found: str, expected: str) -> SettingError:
        return cls(f"the environment variable {name} is {found!r}, expected {expected}. Correct it, or unset it for the default.")


class ConvergenceError(HoadError, RuntimeError):
    """A solve ended without reaching its tolerance; ``solution`` holds what it had found until then."""

    solution: Any = None

    @classmethod
    def ended(cls, name: str, steps: int, found: float, expected: float, solution: Any) -> ConvergenceError:
        error = cls(
            f"{name} ended after {steps} steps with a relative error of about {found:.2g}, expected at most {expected:.2g}. Start "
            "nearer to the solution, allow more steps (max_steps=), or choose another method; error.solution holds the last point."
        )
        error.solution = solution
        return error

    @classmethod
    def not_finite(cls, name: str, steps: int, solution: Any) -> ConvergenceError:
        error = cls(
            f"{name} met NaN or infinity after {steps} steps, expected finite numbers: the iteration diverges or leaves the domain "
            "of the function. Start nearer to the solution, or damp the iteration; error.solution holds the last finite point."
        )
        error.solution = solution
        return error

    @classmethod
    def linear(cls, what: str, found: float, expected: float) -> ConvergenceError:
        return cls(
            f"{what} left a relative residual of {found:.2g}, expected at most {expected:.2g}: the solver has not converged, or it "
            "does not solve with the operator that it was given. Give a better solver (a preconditioner, more iterations), a "
            "transpose_solve that belongs to it, or a larger tolerance."
        )


class CommandError(HoadError):
    """The command line was given something that it cannot work with; shown as one line, exit code 2."""
