"""A device of the host's memory that runs CUDA C++ compiled by the host's compiler: see ``cuda_emulator.h``."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from hoad import backends
from hoad.compiler.emit.cuda_prelude import PRELUDE
from tests.backends import guarded
from tests.backends.guarded import Guarded

HEADER = Path(__file__).with_name("cuda_emulator.h")
TYPE = r"(const )?(double|float|unsigned char|int|long long)"


class _Memory(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("size", ctypes.c_int64), ("known", ctypes.c_void_p), ("writer", ctypes.c_void_p),
        ("reader", ctypes.c_void_p), ("launch", ctypes.c_int64),
    ]  # fmt: skip


def emulated(source: str) -> str:
    """The functions of a source with arrays that know their extent."""
    text = source.removeprefix(PRELUDE)
    assert text != source
    text = text.replace('extern "C" {', "").rstrip().removesuffix("}")
    text = re.sub(rf"{TYPE} \*const \*__restrict__ (b\d+)", r"const emulator::Memory *const *\3", text)
    text = re.sub(rf"{TYPE} \*\*__restrict__ (b\d+)", r"emulator::Slot<\1\2> \3", text)
    return re.sub(rf"{TYPE} \*__restrict__ (p\d+)", r"emulator::Array<\1\2> \3", text)


class EmulatedDevice:
    """Arrays of the device are of a subclass of ndarray. Sources are compiled together when the first launch is due.

    What is queued while ``capture`` runs is noted and not carried out; results of libraries hold nothing until the replay.
    """

    pending: list = []
    refuses_products = False
    """Whether products of matrices cannot be captured."""

    def __init__(self):
        self.launches = []
        self.replays = 0
        self.captures = 0
        self.captured = None
        self.uploads = 0
        self.downloads = 0
        self.memories = {}

    def beside(self, arrays):
        return nullcontext()

    def key(self):
        return (0,)

    def functions(self, source, names):
        found = [_Function(source, name) for name in names]
        EmulatedDevice.pending.append((source, found))
        return found

    def launch(self, function, grid, block, arguments):
        if self.captured is not None:
            self.captured.append(lambda: self.launch(function, grid, block, arguments))
            return
        if function.entry is None:
            _compile()
        self.launches.append((function.name, grid, block))
        given = [self._argument(function, k, a) for k, a in enumerate(arguments)]
        message = function.entry(grid, block, "total<" in function.body, (ctypes.c_void_p * len(given))(*given))
        assert not message, f"{message.decode()} in\n{function.name}{function.body}"

    def _argument(self, function, k, a):
        if isinstance(a, int):
            return a
        a = self.inner(a)
        if a.dtype == np.uint64:  # a table of addresses: what it holds are descriptions of arrays
            return a.ctypes.data
        return ctypes.addressof(self._memory(a)[0])

    def _memory(self, a):
        key = (id(a.owner), a.ctypes.data, a.size, a.dtype.str)
        if key not in self.memories:
            known = np.full(a.size, a.owner.full, np.uint8)
            marks = np.zeros((2, max(1, a.size)), np.int64)
            memory = _Memory(a.ctypes.data, a.size, known.ctypes.data, marks[0].ctypes.data, marks[1].ctypes.data, -1)
            self.memories[key] = (memory, known, a.owner, a, marks)
        return self.memories[key]

    # -- arrays -----------------------------------------------------------------------------------------------------------

    def inner(self, x):
        """The array of the memory that the device may touch."""
        assert isinstance(x, DeviceArray)
        return x

    def outer(self, a):
        """What others see of it."""
        return a

    def holds(self, x):
        return isinstance(x, DeviceArray)

    def address(self, x):
        return self.inner(x).ctypes.data

    def asarray(self, x):
        if self.holds(x):
            if x.flags.c_contiguous:
                return x
            y = x.copy()
            if self.captured is not None:
                self.captured.append(lambda: self.copy(x, y))
            return y
        self.not_captured("an upload")
        self.uploads += 1
        return self.outer(device_array(np.array(x, order="C")))

    upload = asarray

    def to_host(self, x):
        self.not_captured("a download")
        self.downloads += 1
        self.check_written(x)
        return np.array(self.inner(x).view(np.ndarray))

    def not_captured(self, what):
        if self.captured is not None:
            raise RuntimeError(f"{what} while the stream is capturing")

    def check_written(self, x):
        """All elements have a value; bytes hold what lies in them."""
        a = self.inner(x)
        if not a.owner.full and a.dtype != np.uint8:
            known = self._memory(a)[1]
            assert known.all(), f"{int((known == 0).sum())} of {a.size} elements of a result have no value"

    def empty(self, shape, dtype):
        a = np.empty(shape, dtype)
        a.reshape(-1).view(np.uint8)[:] = 0xA5
        return self.outer(device_array(a, full=False))

    def view(self, memory, offset, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        part = self.inner(memory)[offset : offset + size]
        assert part.size == size, "a buffer beyond the memory of the program"
        return self.outer(device_array(part.view(dtype).reshape(shape), full=False))

    # -- what is queued ---------------------------------------------------------------------------------------------------

    def matmul(self, a, b, out):
        if self.captured is not None:
            if self.refuses_products:
                raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
            self.captured.append(lambda: self.matmul(a, b, out))
            return
        np.dot(self.inner(a).view(np.ndarray), self.inner(b).view(np.ndarray), out=self.inner(out).view(np.ndarray))
        self.written(out)

    def copy(self, source, out):
        assert source.shape == out.shape
        assert source.dtype == out.dtype
        np.copyto(self.inner(out).view(np.ndarray), self.inner(source).view(np.ndarray))
        self.written(out)

    def written(self, out):
        self._memory(self.inner(out))[1].fill(1)

    def call(self, function, arguments, keywords):
        y = function(*arguments, **keywords)
        if self.captured is not None:
            kept = [p for p in (y if isinstance(y, tuple) else (y,)) if self.holds(p)]
            assert kept, "a function whose result is nowhere on the device"

            def again():
                found = function(*arguments, **keywords)
                for p, q in zip(kept, found if isinstance(found, tuple) else (found,), strict=True):
                    self.copy(q, p)

            given = [self.inner(a) for a in arguments if self.holds(a)]
            for p in map(self.inner, kept):
                if p.dtype.kind in "fc" and not any(np.may_share_memory(p, a) for a in given):
                    p.view(np.ndarray)[...] = np.nan
            self.captured.append(again)
        return y

    def capture(self, run):
        self.captures += 1
        self.captured = []
        try:
            run()
        finally:
            recorded, self.captured = self.captured, None

        def replay():
            self.replays += 1
            for queued in recorded:
                queued()

        return replay


class GuardedDevice(EmulatedDevice):
    """The same for arrays that refuse what CuPy's refuse: see ``tests/backends/guarded.py``."""

    def __init__(self):
        super().__init__()
        self.owners = {}

    def inner(self, x):
        assert isinstance(x, Guarded), type(x)
        root = x.data
        while isinstance(root.base, np.ndarray):
            root = root.base
        found = self.owners.get(id(root))
        if found is None or found[0] is not root:
            found = self.owners[id(root)] = (root, _Owner(True))
        a = x.data.view(DeviceArray)
        a.owner = found[1]
        return a

    def outer(self, a):
        x = Guarded(a.view(np.ndarray))
        root = x.data
        while isinstance(root.base, np.ndarray):
            root = root.base
        self.owners.setdefault(id(root), (root, a.owner))
        return x

    def holds(self, x):
        return isinstance(x, Guarded)


@contextmanager
def guarded_cuda(device=GuardedDevice):
    """Guarded arrays have a device that runs compiled programs; gives the list of the devices that were asked for."""
    made = []

    def another():
        made.append(device())
        return made[-1]

    library = replace(guarded.BACKEND, device=another)
    backends.register(Guarded, library)
    try:
        yield made
    finally:
        backends.register(Guarded, guarded.BACKEND)


class _Owner:
    """Of an array and its views; ``full`` says whether it had values from the start."""

    def __init__(self, full):
        self.full = full


class DeviceArray(np.ndarray):
    """An array that only the emulated device may touch."""

    owner = _Owner(True)


def device_array(a, full=True):
    found = a.view(DeviceArray)
    found.owner = _Owner(full)
    return found


class _Function:
    def __init__(self, source, name):
        self.name, self.entry = name, None
        self.body = re.search(rf"\b{name}(\(.*?\n\}}\n)", source, re.DOTALL)[1]


def _compile():
    """Everything that waits, as one library."""
    jobs, EmulatedDevice.pending = EmulatedDevice.pending, []
    parts = [f'#include "{HEADER}"\n', PRELUDE]
    for n, (source, functions) in enumerate(jobs):
        parts.append(f"namespace program{n} {{\n{emulated(source)}\n}}\n")
        for f in functions:
            parts.append(
                f'extern "C" const char *program{n}_{f.name}(unsigned g, unsigned b, int t, void **a) '
                f"{{ return emulator::launch(program{n}::{f.name}, g, b, t, a); }}\n"
            )
    with tempfile.TemporaryDirectory() as folder:
        text, made = Path(folder, "kernels.cpp"), Path(folder, "kernels.so")
        text.write_text("".join(parts))
        options = ["-std=c++17", "-O0", "-U_FORTIFY_SOURCE", "-w", "-ffp-contract=off", "-fPIC", "-shared"]
        command = ["g++", *options, str(text), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:4000]
        library = ctypes.CDLL(str(made))
    for n, (_, functions) in enumerate(jobs):
        for f in functions:
            f.entry = getattr(library, f"program{n}_{f.name}")
            f.entry.restype = ctypes.c_char_p
            f.entry.argtypes = [ctypes.c_uint, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
            f.library = library
