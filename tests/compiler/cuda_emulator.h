/* Kernels of CUDA C++ on the host, checked as they run.

Each thread of a block is a fiber; a barrier or a shuffle hands over to the scheduler, which goes on when all threads that have to
be there are there, and reports it if they are not. Arrays are known by their extent: places outside, reading what was never
written, writing an element twice, and reaching in one launch an element that another thread writes are reported as well. */
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __launch_bounds__(n)
#define __shared__ static

namespace emulator {

struct Index { unsigned x; };
static char message[400];

static void report(const char *what, long a, long b) {
    if (!message[0]) snprintf(message, sizeof message, "%s (%ld of %ld)", what, a, b);
}

/* An array: `known` says which elements have a value, `writer` and `reader` the last thread of the current launch, or 0. */
struct Memory { char *data; int64_t size; unsigned char *known; int64_t *writer, *reader; int64_t launch; };
static int64_t launch_number = 0;
static int64_t thread_number();

static bool touch(Memory *m, int64_t k) {
    if (k < 0 || k >= m->size) {
        report("a place outside of an array", k, m->size);
        return false;
    }
    if (m->launch != launch_number) {
        memset(m->writer, 0, sizeof(int64_t) * m->size);
        memset(m->reader, 0, sizeof(int64_t) * m->size);
        m->launch = launch_number;
    }
    return true;
}

static bool read(Memory *m, int64_t k) {
    if (!touch(m, k)) return false;
    if (!m->known[k]) report("an element is read before it is written", k, m->size);
    if (m->writer[k] && m->writer[k] != thread_number()) report("an element is read that another thread writes", k, m->size);
    m->reader[k] = m->reader[k] && m->reader[k] != thread_number() ? -1 : thread_number();
    return true;
}

static bool write(Memory *m, int64_t k, bool again) {
    if (!touch(m, k)) return false;
    if (m->writer[k] && m->writer[k] != thread_number()) report("an element is written by two threads", k, m->size);
    if (m->writer[k] && !again) report("an element is written twice", k, m->size);
    if (m->reader[k] && m->reader[k] != thread_number()) report("an element is written that another thread reads", k, m->size);
    m->writer[k] = thread_number();
    m->known[k] = 1;
    return true;
}

template <class T> struct Element {
    Memory *m;
    int64_t k;
    T *at() const { return (T *)m->data + k; }
    operator T() const { return read(m, k) ? *at() : T(0); }
    template <class S> void operator=(S x) { if (write(m, k, false)) *at() = (T)x; }
    template <class S> void operator+=(S x) { if (read(m, k) && write(m, k, true)) *at() = (T)(*at() + x); }
};

template <class T> struct Array {
    Memory *m;
    Array(const Memory *m) : m((Memory *)m) {}
    Element<T> operator[](int64_t k) const { return Element<T>{m, k}; }
};
template <class T> struct Array<const T> {
    Memory *m;
    Array(const Memory *m) : m((Memory *)m) {}
    T operator[](int64_t k) const { return read(m, k) ? ((const T *)m->data)[k] : T(0); }
};

/* An entry of the table of addresses that a kernel sets: a part of an array that begins at some element of it. */
template <class T> struct Window { Memory *m; int64_t by; };
template <class T> Window<T> operator+(Array<T> a, int64_t by) { return Window<T>{a.m, by}; }

static void shift(Memory *m, int64_t by, int64_t bytes) {
    m->data += by * bytes;
    m->size -= by;
    m->known += by;
    m->writer += by;
    m->reader += by;
}

template <class T> struct Entry {
    Memory **at;
    void operator=(Window<T> w) {
        *at = (Memory *)malloc(sizeof(Memory));
        **at = *w.m;
        shift(*at, w.by, sizeof(T));
    }
    void operator+=(int64_t by) { shift(*at, by, sizeof(T)); }
};

template <class T> struct Slot {
    Memory **at;
    Slot(Memory *table) : at((Memory **)table) {}
    Entry<T> operator*() const { return Entry<T>{at}; }
};

/* -- threads -- */

enum State { READY, AT_SHUFFLE, AT_BARRIER, DONE };
struct Fiber { jmp_buf there; bool started; State state; char value[8], found[8]; int source; };
static const int MOST = 256, STACK = 1 << 18;
static Fiber fibers[MOST];
static jmp_buf scheduler;
static int current;
static void (*body)(void *);
static void *given;
static Index block_index, block_size, grid_size, thread_index;

static int64_t thread_number() { return 1 + (int64_t)block_index.x * block_size.x + thread_index.x; }

/* A fiber is begun once, by a context of its own stack, and then runs one block after the other. */
static void wait(State state) {
    fibers[current].state = state;
    if (!_setjmp(fibers[current].there)) _longjmp(scheduler, 1);
}

static void run_fiber() {
    for (;;) {
        body(given);
        wait(DONE);
    }
}

static void resume(Fiber &f) {
    if (_setjmp(scheduler)) return;
    if (f.started) _longjmp(f.there, 1);
    f.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = malloc(STACK);
    context.uc_stack.ss_size = STACK;
    context.uc_link = 0;
    makecontext(&context, run_fiber, 0);
    setcontext(&context);
}

/* What waits for ever is begun anew. */
static void stuck(const char *what, long a, long b) {
    report(what, a, b);
    for (Fiber &f : fibers) f.started = false;
}

/* A warp runs until all of its threads wait for the block, or have ended. */
static bool run_warp(int w, bool down) {
    for (;;) {
        int there = 0;
        for (int j = 0; j < 32; ++j) {
            const int k = w + (down ? 31 - j : j);
            if (fibers[k].state == READY) {
                current = thread_index.x = k;
                resume(fibers[k]);
            }
            there += fibers[k].state == AT_SHUFFLE;
        }
        if (!there) return true;
        if (there < 32) return stuck("a shuffle that not all threads of a warp have reached", there, 32), false;
        for (int k = w; k < w + 32; ++k) {
            memcpy(fibers[k].found, fibers[fibers[k].source].value, 8);
            fibers[k].state = READY;
        }
    }
}

/* Warps run one after the other from barrier to barrier, in the one or the other order, so that a barrier that is missing shows. */
static void run_block() {
    const int n = block_size.x;
    for (int k = 0; k < n; ++k) fibers[k].state = READY;
    const bool down = ((uint32_t)launch_number * 2654435761u ^ block_index.x * 2246822519u) >> 31;
    for (;;) {
        for (int w = 0; w < n; w += 32)
            if (!run_warp(down ? n - 32 - w : w, down)) return;
        int done = 0, waiting = 0;
        for (int k = 0; k < n; ++k) done += fibers[k].state == DONE, waiting += fibers[k].state == AT_BARRIER;
        if (done == n) return;
        if (waiting < n) return stuck("a barrier that not all threads of a block have reached", waiting, n);
        for (int k = 0; k < n; ++k) fibers[k].state = READY;
    }
}

template <class T> T shuffle_down(T x, int by, int width) {
    Fiber &f = fibers[current];
    const int lane = current % width;
    memcpy(f.value, &x, sizeof x);
    f.source = lane + by < width ? current + by : current;
    wait(AT_SHUFFLE);
    memcpy(&x, fibers[current].found, sizeof x);
    return x;
}

/* -- launches -- */

template <class T> struct Given { static T of(void *x) { return T((Memory *)x); } };
template <class T> struct Given<T *> { static T *of(void *x) { return (T *)x; } };
template <> struct Given<int> { static int of(void *x) { return (int)(intptr_t)x; } };

template <int... K> struct Numbers {};
template <int N, int... K> struct Upto : Upto<N - 1, N - 1, K...> {};
template <int... K> struct Upto<0, K...> { typedef Numbers<K...> type; };

template <class... A> struct Call {
    void (*f)(A...);
    void **arguments;
    template <int... K> void call(Numbers<K...>) const { f(Given<A>::of(arguments[K])...); }
    static void run(void *self) { ((Call *)self)->call(typename Upto<sizeof...(A)>::type()); }
};

/* The blocks of a launch, one after the other; whether the threads ever wait for each other is known. */
template <class... A> const char *launch(void (*f)(A...), unsigned grid, unsigned block, bool together, void **arguments) {
    Call<A...> call = {f, arguments};
    message[0] = 0;
    ++launch_number;
    block_size.x = block;
    grid_size.x = grid;
    body = Call<A...>::run;
    given = &call;
    if (block > MOST || (together && block % 32)) report("threads of a block", block, MOST);
    for (unsigned b = 0; b < grid && !message[0]; ++b) {
        block_index.x = b;
        if (together) run_block();
        else
            for (unsigned k = 0; k < block; ++k) {
                thread_index.x = k;
                body(given);
            }
    }
    return message;
}

}  // namespace emulator

#define threadIdx emulator::thread_index
#define blockIdx emulator::block_index
#define blockDim emulator::block_size
#define gridDim emulator::grid_size
#define __syncthreads() emulator::wait(emulator::AT_BARRIER)
#define __shfl_down_sync(mask, x, by, width) emulator::shuffle_down(x, by, width)
