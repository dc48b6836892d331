"""NVRTC through ctypes: CUDA C++ to machine code, without a device."""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path


def _libraries() -> list[str]:
    """Names under which the library may be found: of the package of PyPI, then of the system."""
    found: list[str] = []
    for name in ("nvidia.cuda_nvrtc", "nvidia.cu13"):
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            continue
        for place in (spec.submodule_search_locations or []) if spec else []:
            found += [
                str(p) for p in sorted(Path(place).glob("lib/libnvrtc.so.*")) if "alt" not in p.name and "builtins" not in p.name
            ]
    return [*found, "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]


@cache
def library() -> ctypes.CDLL | None:
    """NVRTC, or None."""
    for name in _libraries():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def compile_for(source: str, architecture: str = "sm_90") -> tuple[bytes, str]:
    """Machine code and the compiler's messages; raises with the messages if it fails."""
    nvrtc = library()
    assert nvrtc is not None
    program = ctypes.c_void_p()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"program.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(max(1, size.value))
    nvrtc.nvrtcGetProgramLog(program, log)
    try:
        if failed:
            raise AssertionError(log.value.decode())
        nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetCUBIN(program, code)
        return code.raw, log.value.decode()
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
