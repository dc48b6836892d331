/* Memory of results and scratch: aligned blocks that are used again.
 *
 * A fresh result of some megabytes costs more in page faults than the loop that fills it; a block that was given back has its
 * pages. Beyond FLOOR bytes, blocks in use and idle blocks together never exceed what was in use at one time; idle ones are
 * bounded by IDLE bytes and go when others were used AGE times. All of it is guarded by the interpreter lock.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { LINE = 64, PAGES = 1 << 21, LARGE = 1 << 21, CLASSES = 8 * 64 };
static const size_t FLOOR = (size_t)1 << 26, IDLE = (size_t)1 << 28;
static const uint32_t AGE = 4096;

typedef struct Block { /* one cache line right before the data */
    struct Block *above, *below; /* in the stack of idle blocks of its size */
    struct Block *newer, *older; /* in the list of all idle blocks */
    void *raw;
    size_t mapped; /* bytes, 0 where raw comes from malloc */
    uint32_t class, stamp;
} Block;

static struct {
    Block *top[CLASSES];
    Block *newest, *oldest;
    size_t idle, lent, peak;
    uint32_t clock;
} pool;

static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* Sizes come in eight steps for each doubling, so that a block serves its likes. */
static uint32_t class_of(size_t bytes)
{
    uint32_t shift = 3;
    size_t lines = up(bytes ? bytes : 1, LINE) / LINE;
    if (lines <= 8)
        return (uint32_t)lines;
    while (((lines - 1) >> (shift - 3)) >= 16)
        ++shift;
    return 8 * (shift - 2) + (uint32_t)((lines - 1) >> (shift - 3)) - 7;
}

static size_t size_of_class(uint32_t class)
{
    if (class <= 8)
        return (size_t)class * LINE;
    return (size_t)((class - 1) % 8 + 9) * LINE << ((class - 1) / 8 - 1);
}

static Block *block_of(void *data) { return (Block *)((char *)data - LINE); }

static void release(Block *b)
{
#if defined(__linux__)
    if (b->mapped) {
        munmap(b->raw, b->mapped);
        return;
    }
#endif
    free(b->raw);
}

static void leave(Block *b) /* no longer idle */
{
    if (b->above)
        b->above->below = b->below;
    else
        pool.top[b->class] = b->below;
    if (b->below)
        b->below->above = b->above;
    if (b->newer)
        b->newer->older = b->older;
    else
        pool.newest = b->older;
    if (b->older)
        b->older->newer = b->newer;
    else
        pool.oldest = b->newer;
    pool.idle -= size_of_class(b->class);
}

static void trim(size_t most)
{
    while (pool.oldest && (pool.idle > most || pool.clock - pool.oldest->stamp > AGE)) {
        Block *b = pool.oldest;
        leave(b);
        release(b);
    }
}

static size_t allowed(void) /* idle bytes */
{
    size_t most = pool.peak > pool.lent + FLOOR ? pool.peak - pool.lent : FLOOR;
    return most < IDLE ? most : IDLE;
}

static void *take(uint32_t class)
{
    size_t size = size_of_class(class);
    Block *b = pool.top[class];
    pool.lent += size;
    if (b) {
        leave(b);
        return (char *)b + LINE;
    }
    if (pool.lent > pool.peak)
        pool.peak = pool.lent;
    trim(allowed());
    void *raw = NULL;
    size_t align = size >= LARGE ? PAGES : LINE, mapped = 0;
#if defined(__linux__)
    if (size >= LARGE) {
        mapped = size + 2 * PAGES;
        raw = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (raw == MAP_FAILED)
            raw = NULL;
    } else
#endif
        raw = malloc(size + LINE + align);
    if (!raw) {
        pool.lent -= size;
        return NULL;
    }
    char *data = (char *)up((uintptr_t)raw + LINE, align);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (mapped)
        madvise(data, size / PAGES * PAGES, MADV_HUGEPAGE);
#endif
    b = block_of(data);
    b->raw = raw;
    b->mapped = mapped;
    b->class = class;
    return data;
}

static void give(void *data)
{
    Block *b = block_of(data);
    size_t size = size_of_class(b->class);
    pool.lent -= size;
    if (size > IDLE) {
        release(b);
        return;
    }
    b->stamp = ++pool.clock;
    b->above = NULL;
    b->below = pool.top[b->class];
    if (b->below)
        b->below->above = b;
    pool.top[b->class] = b;
    b->newer = NULL;
    b->older = pool.newest;
    if (b->older)
        b->older->newer = b;
    else
        pool.oldest = b;
    pool.newest = b;
    pool.idle += size;
    trim(allowed());
}

/* The same as NumPy's handler of array memory (its enhancement proposal 49), so that arrays own what they got from here. */
static void *handler_malloc(void *context, size_t bytes)
{
    (void)context;
    return take(class_of(bytes));
}

static void *handler_calloc(void *context, size_t count, size_t each)
{
    void *data = each && count > SIZE_MAX / 2 / each ? NULL : handler_malloc(context, count * each);
    return data ? memset(data, 0, count * each) : NULL;
}

static void handler_free(void *context, void *data, size_t bytes)
{
    (void)context;
    (void)bytes;
    if (data)
        give(data);
}

static void *handler_realloc(void *context, void *data, size_t bytes)
{
    if (!data)
        return handler_malloc(context, bytes);
    size_t had = size_of_class(block_of(data)->class);
    if (bytes <= had)
        return data;
    void *more = handler_malloc(context, bytes);
    if (!more)
        return NULL;
    memcpy(more, data, had);
    give(data);
    return more;
}

static struct {
    char name[127];
    uint8_t version;
    void *context;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *, size_t);
} handler = {"hoad", 1, NULL, handler_malloc, handler_calloc, handler_realloc, handler_free};
