/* From a Python call with arrays to one native call: checks, fresh outputs, the call, the results. Printed behind blocks.c.
 *
 * No header of Python or NumPy is needed: the few functions used come in as pointers (struct api), and the object layouts below
 * are part of the stable interface of builds with a global interpreter lock. stub.py checks them before it uses this file.
 */
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#if defined(__GNUC__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#else
#define LIKELY(x) (x)
#endif

typedef struct {
    intptr_t references;
    void *type;
} Object;

typedef struct { /* PyArrayObject */
    Object head;
    char *data;
    int dimensions;
    intptr_t *shape;
    intptr_t *strides;
    void *base;
    void *descr;
    int flags;
    void *weak;
    void *buffer;
    Object *handler;
} Array;

enum { C_CONTIGUOUS = 0x0001, OWNDATA = 0x0004, ALIGNED = 0x0100, WRITEABLE = 0x0400 };
enum { FASTCALL = 0x0080, KEYWORDS = 0x0002, ONE = 0x0008 };

typedef struct { /* PyMethodDef */
    const char *name;
    void *function;
    int flags;
    const char *doc;
} Method;

static struct {
    void *array_type;
    Object *not_implemented;
    Object *(*new_function)(Method *, Object *, Object *);
    Object *(*new_capsule)(void *, const char *, void (*)(Object *));
    void *(*capsule_pointer)(Object *, const char *);
    void *(*save_thread)(void);
    void (*restore_thread)(void *);
    Object *(*new_tuple)(intptr_t);
    int (*set_item)(Object *, intptr_t, Object *);
    void (*increment)(Object *);
    void (*decrement)(Object *);
    void (*clear_error)(void);
    Object *(*new_integer)(void *);
    Object *(*new_array)(void *, void *, int, const intptr_t *, const intptr_t *, void *, int, Object *);
    Object *(*new_scalar)(void *, void *, Object *);
    unsigned char (*same_dtype)(void *, void *);
    int (*trace)(unsigned int, uintptr_t, size_t);
    void *own; /* not NULL where arrays of this NumPy can own memory of blocks.c */
} api;

static Object *capsule_of_handler;

EXPORT long hoad_api(void *const *table, long size)
{
    if (size != (long)sizeof api)
        return (long)sizeof api;
    memcpy(&api, table, sizeof api);
    if (api.own && !capsule_of_handler && !(capsule_of_handler = api.new_capsule(&handler, "mem_handler", NULL)))
        api.own = NULL;
    return 0;
}

typedef struct { /* one input or output */
    Object *dtype;
    void *scalar_type; /* inputs of shape (): the NumPy scalar's type that is taken as well, or NULL */
    void *number_type; /* inputs of shape (): Python's class of numbers that is taken as well, or NULL */
    const intptr_t *shape;
    intptr_t dimensions;
    intptr_t bytes; /* of all elements */
} Spec;

typedef struct {
    intptr_t buffer;
    intptr_t bytes;
    const char *expected;
} Guard;

typedef struct {
    long (*run)(char **, long, long);
    intptr_t steps, inputs, outputs, constants, scratch, guards, total, single, release;
    const Spec *specs; /* inputs, then outputs */
    char *const *values; /* of the constants */
    const intptr_t *offsets; /* of the scratch buffers in the arena */
    const Guard *guard;
    const char *name;
    const char *doc;
    Object *keep; /* owns everything that this struct points to */
} Plan;

typedef struct Frame { /* the table of buffers of one call at a time */
    struct Frame *next;
    char *scratch; /* what the table was made for */
    Object **made;
    char *table[];
} Frame;

typedef struct {
    Plan plan;
    Frame *idle; /* guarded by the interpreter lock */
    uint32_t class; /* of the arena */
    Method method;
} State;

enum { SLOT = 32, DOMAIN = 389047, OWN = 1024 };

static Frame *new_frame(const Plan *p)
{
    size_t outputs = (size_t)p->outputs, buffers = (size_t)(p->inputs + p->outputs + p->constants + p->scratch);
    size_t head = up(sizeof(Frame) + buffers * sizeof(char *), SLOT), slots = outputs * SLOT;
    Frame *f = malloc(head + slots + outputs * sizeof(Object *) + SLOT);
    if (!f)
        return NULL;
    f->next = NULL;
    f->scratch = NULL;
    char *at = (char *)up((uintptr_t)f + head, SLOT);
    f->made = (Object **)(at + slots);
    char **t = f->table + p->inputs;
    for (intptr_t k = 0; k < p->outputs; ++k) /* for shape (); others are replaced in each call */
        *t++ = at + k * SLOT;
    for (intptr_t k = 0; k < p->constants; ++k)
        *t++ = p->values[k];
    return f;
}

/* Memory of others is as good as that of this frame's last call, once the table says so. */
static int take_scratch(const Plan *p, Frame *f, uint32_t class)
{
    char *scratch = take(class);
    if (!scratch)
        return 0;
    if (scratch != f->scratch) {
        char **t = f->table + p->inputs + p->outputs + p->constants;
        for (intptr_t k = 0; k < p->scratch; ++k)
            t[k] = scratch + p->offsets[k];
        f->scratch = scratch;
    }
    return 1;
}

static Object *new_output(const Spec *s)
{
    int own = s->bytes >= OWN && api.own;
    void *data = own ? take(class_of((size_t)s->bytes)) : NULL;
    if (own && !data)
        return NULL;
    api.increment(s->dtype);
    Object *made = api.new_array(api.array_type, s->dtype, (int)s->dimensions, s->shape, NULL, data,
                                 own ? C_CONTIGUOUS | ALIGNED | WRITEABLE : 0, NULL);
    if (!made) {
        api.clear_error();
        if (own)
            give(data);
    } else if (own) { /* as NumPy does with memory of a handler */
        Array *a = (Array *)made;
        api.increment(capsule_of_handler);
        a->handler = capsule_of_handler;
        a->flags |= OWNDATA;
        api.trace(DOMAIN, (uintptr_t)data, (size_t)s->bytes);
    }
    return made;
}

static Object *refuse(void)
{
    api.increment(api.not_implemented);
    return api.not_implemented;
}

/* Where the data of an argument is, or NULL where it is not exactly what the code was made for. */
static char *data_of(Object *x, const Spec *s)
{
    if (LIKELY(x->type == api.array_type)) {
        Array *a = (Array *)x;
        if (a->dimensions != s->dimensions || (a->flags & (C_CONTIGUOUS | ALIGNED)) != (C_CONTIGUOUS | ALIGNED))
            return NULL;
        for (intptr_t d = 0; d < s->dimensions; ++d)
            if (a->shape[d] != s->shape[d])
                return NULL;
        if (!LIKELY(a->descr == (void *)s->dtype) && !api.same_dtype(a->descr, s->dtype))
            return NULL;
        return a->data;
    }
    if (x->type == s->scalar_type || x->type == s->number_type)
        return (char *)(x + 1); /* the value of a number and of a NumPy scalar follows the head */
    return NULL;
}

static Object *finish(const Plan *p, Object **made, char **table)
{
    const Spec *s = p->specs + p->inputs;
    for (intptr_t k = 0; k < p->outputs; ++k)
        if (s[k].dimensions == 0 && !(made[k] = api.new_scalar(table[p->inputs + k], s[k].dtype, NULL)))
            return NULL;
    if (p->single) {
        Object *only = made[0];
        made[0] = NULL;
        return only;
    }
    Object *all = api.new_tuple(p->outputs);
    if (all)
        for (intptr_t k = 0; k < p->outputs; ++k) {
            api.set_item(all, k, made[k]);
            made[k] = NULL;
        }
    return all;
}

static Object *call(Object *self, Object *const *args, intptr_t n, Object *names)
{
    State *state = api.capsule_pointer(self, NULL);
    const Plan *p = &state->plan;
    if (n != p->inputs || names)
        return refuse();
    Frame *f = state->idle;
    if (LIKELY(f != NULL))
        state->idle = f->next;
    else if (!(f = new_frame(p)))
        return refuse();

    char **table = f->table;
    Object **made = f->made, *result = NULL;
    intptr_t done = 0;
    for (intptr_t k = 0; k < n; ++k)
        if (!(table[k] = data_of(args[k], p->specs + k)))
            goto out;
    for (const Spec *s = p->specs + n; done < p->outputs; ++done, ++s) {
        made[done] = NULL;
        if (s->dimensions == 0)
            continue;
        if (!(made[done] = new_output(s)))
            goto out;
        table[n + done] = ((Array *)made[done])->data;
    }
    if (p->total && !take_scratch(p, f, state->class))
        goto out;

    long failed;
    if (p->release) {
        void *thread = api.save_thread();
        failed = p->run(table, 0, (long)p->steps);
        api.restore_thread(thread);
    } else {
        failed = p->run(table, 0, (long)p->steps);
    }
    for (intptr_t k = 0; k < p->guards && !failed; ++k)
        failed = memcmp(table[p->guard[k].buffer], p->guard[k].expected, (size_t)p->guard[k].bytes);
    if (p->total)
        give(f->scratch);
    if (!failed && !(result = finish(p, made, table)))
        api.clear_error();
out:
    for (intptr_t k = 0; k < done; ++k)
        if (made[k])
            api.decrement(made[k]);
    f->next = state->idle;
    state->idle = f;
    return result ? result : refuse();
}

static void destroy(Object *capsule)
{
    State *state = api.capsule_pointer(capsule, NULL);
    for (Frame *f = state->idle, *next; f; f = next) {
        next = f->next;
        free(f);
    }
    Object *keep = state->plan.keep;
    free(state);
    api.decrement(keep);
}

/* The builtin function of a plan; it owns a reference to plan->keep. NotImplemented where memory is short. */
EXPORT Object *hoad_function(const Plan *plan)
{
    State *state = malloc(sizeof *state);
    Object *capsule = state ? api.new_capsule(state, NULL, destroy) : NULL;
    if (!capsule) {
        api.clear_error();
        free(state);
        return refuse();
    }
    state->plan = *plan;
    state->idle = NULL;
    state->class = class_of((size_t)plan->total);
    state->method = (Method){plan->name, (void *)call, FASTCALL | KEYWORDS, plan->doc};
    api.increment(plan->keep);
    Object *function = api.new_function(&state->method, capsule, NULL);
    api.decrement(capsule); /* the function holds it: with the function, the state goes */
    if (function)
        return function;
    api.clear_error();
    return refuse();
}

static Object *address(Object *self, Object *array)
{
    (void)self;
    return array->type == api.array_type ? api.new_integer(((Array *)array)->data) : refuse();
}

/* A builtin function: where the data of an ndarray is, as an int. */
EXPORT Object *hoad_address(void)
{
    static Method method = {"address", (void *)address, ONE, NULL};
    return api.new_function(&method, NULL, NULL);
}

/* Bytes in use, idle, and most in use at one time; idle blocks beyond a number of bytes are freed, and the count starts again. */
EXPORT void hoad_memory(size_t keep, size_t *counts)
{
    trim(keep);
    if (keep < SIZE_MAX)
        pool.peak = pool.lent;
    counts[0] = pool.lent;
    counts[1] = pool.idle;
    counts[2] = pool.peak;
}

/* A kernel whose results call.py knows: y = a x + 1, z = sum of x, written through the table of buffers. */
EXPORT long hoad_probe(char **buffers, long start, long stop)
{
    const double *a = (const double *)buffers[0], *x = (const double *)buffers[1], *one = (const double *)buffers[4];
    double *y = (double *)buffers[2], *z = (double *)buffers[3], *t = (double *)buffers[5];
    if (start != 0 || stop != 2)
        return 1;
    z[0] = 0;
    for (int i = 0; i < 3; ++i) {
        t[i] = a[0] * x[i];
        z[0] += x[i];
    }
    for (int i = 0; i < 3; ++i)
        y[i] = t[i] + one[0];
    return 0;
}
