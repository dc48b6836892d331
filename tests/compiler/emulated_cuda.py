"""A device of the host's memory that runs CUDA C++ compiled by the host's compiler: see ``cuda_emulator.h``."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from hoad.compiler.emit.cuda_prelude import PRELUDE

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
    """Arrays of the device are of a subclass of ndarray. Sources are compiled together when the first launch is due."""

    pending: list = []

    def __init__(self):
        self.launches = []
        self.replays = 0
        self.captures = 0
        self.captured = None
        self.uploads = 0
        self.memories = {}

    def key(self):
        return (0,)

    def functions(self, source, names):
        found = [_Function(source, name) for name in names]
        EmulatedDevice.pending.append((source, found))
        return found

    def launch(self, function, grid, block, arguments):
        if self.captured is not None:
            self.captured.append((function, grid, block, arguments))
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
        assert isinstance(a, DeviceArray)
        if a.dtype == np.uint64:  # a table of addresses: what it holds are descriptions of arrays
            return a.ctypes.data
        return ctypes.addressof(self._memory(a))

    def _memory(self, a):
        key = (id(a.owner), a.ctypes.data, a.size, a.dtype.str)
        if key not in self.memories:
            known = np.full(a.size, a.owner.full, np.uint8)
            marks = np.zeros((2, max(1, a.size)), np.int64)
            memory = _Memory(a.ctypes.data, a.size, known.ctypes.data, marks[0].ctypes.data, marks[1].ctypes.data, -1)
            self.memories[key] = (memory, known, a.owner, a, marks)
        return self.memories[key][0]

    def capture(self, run):
        self.captures += 1
        self.captured = []
        run()
        recorded, self.captured = self.captured, None

        def replay():
            self.replays += 1
            for launch in recorded:
                self.launch(*launch)

        return replay

    def holds(self, x):
        return isinstance(x, DeviceArray)

    def asarray(self, x):
        if self.holds(x) and x.flags.c_contiguous:
            return x
        self.uploads += 1
        return device_array(np.array(x, order="C"))

    def to_host(self, x):
        self.check_written(x)
        return np.array(x.view(np.ndarray))

    def check_written(self, x):
        """All elements have a value; bytes hold what lies in them."""
        assert self.holds(x)
        if not x.owner.full and x.dtype != np.uint8:
            self._memory(x)
            known = self.memories[id(x.owner), x.ctypes.data, x.size, x.dtype.str][1]
            assert known.all(), f"{int((known == 0).sum())} of {x.size} elements of a result have no value"

    def empty(self, shape, dtype):
        a = np.empty(shape, dtype)
        a.reshape(-1).view(np.uint8)[:] = 0xA5
        return device_array(a, full=False)

    def view(self, memory, offset, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        part = memory[offset : offset + size]
        assert part.size == size, "a buffer beyond the memory of the program"
        return device_array(part.view(dtype).reshape(shape), full=False)

    def matmul(self, a, b, out):
        np.dot(a.view(np.ndarray), b.view(np.ndarray), out=out.view(np.ndarray))
        self._memory(out)
        self.memories[id(out.owner), out.ctypes.data, out.size, out.dtype.str][1].fill(1)


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
