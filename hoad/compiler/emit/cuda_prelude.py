"""The head of every generated CUDA file: sums over the threads of a warp and of a block, as trees."""

from __future__ import annotations

__all__ = ["PRELUDE"]

PRELUDE = """\
#ifdef __CUDACC_RTC__
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000LL)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000LL)
#define __builtin_signbit(x) (__double2hiint(x) < 0)
#endif

struct add_of { template <class T> static __device__ T of(T a, T b) { return a + b; } };
struct multiply_of { template <class T> static __device__ T of(T a, T b) { return a * b; } };
/* NaN wins, as in NumPy */
struct maximum_of { template <class T> static __device__ T of(T a, T b) { return ((a >= b) | (a != a)) ? a : b; } };
struct minimum_of { template <class T> static __device__ T of(T a, T b) { return ((a <= b) | (a != a)) ? a : b; } };
struct logical_or_of { template <class T> static __device__ T of(T a, T b) { return a | b; } };
struct logical_and_of { template <class T> static __device__ T of(T a, T b) { return a & b; } };

/* Of LANES neighbouring threads, in the first of them; all threads of the warp take part. */
template <class F, class T, int LANES> __device__ T lanes_total(T x) {
    for (int h = LANES / 2; h > 0; h /= 2) x = F::of(x, __shfl_down_sync(0xffffffffu, x, h, LANES));
    return x;
}

/* Of a block, in its first thread. */
template <class F, class T> __device__ T block_total(T x, T start) {
    __shared__ T warps[32];
    x = lanes_total<F, T, 32>(x);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    x = threadIdx.x < blockDim.x / 32 ? warps[threadIdx.x] : start;
    if (threadIdx.x < 32) x = lanes_total<F, T, 32>(x);
    __syncthreads();
    return x;
}

/* Of the threads of a block whose numbers are equal modulo WIDTH, in the first of them. */
template <class F, class T, int WIDTH> __device__ T column_total(T x) {
    __shared__ T all[256];
    all[threadIdx.x] = x;
    __syncthreads();
    for (int h = 128; h >= WIDTH; h /= 2) {
        if (threadIdx.x < h) all[threadIdx.x] = F::of(all[threadIdx.x], all[threadIdx.x + h]);
        __syncthreads();
    }
    return all[threadIdx.x]; /* which nobody else reads or writes from here on */
}
"""
