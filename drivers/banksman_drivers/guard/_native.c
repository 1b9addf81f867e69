/* The binding: numbers in, tuples out. What they mean is native.py's business; the guard itself
 * is in guard.h (life cycle), loop.c (thread), core.h (semantics) and lines.h (fds).
 *
 * Every entry but stop() holds the interpreter lock for its few microseconds, which makes
 * Python the single producer and consumer that guard.h asks for.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "guard.h"

#include <errno.h>

typedef struct {
    PyObject_HEAD
    struct guard *guard;
} GuardObject;

static PyObject *raise_errno(int error)
{
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static int add_inputs(struct guard *guard, PyObject *inputs)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(inputs); i++) {
        int fd, is_gpio;
        long long debounce_ns, discrepancy_ns;
        struct input_config config;
        if (!PyArg_ParseTuple(PyTuple_GetItem(inputs, i), "ipiiLL", &fd, &is_gpio, &config.kind,
                              &config.pair, &debounce_ns, &discrepancy_ns))
            return -1;
        config.debounce_ns = debounce_ns;
        config.discrepancy_ns = discrepancy_ns;
        int error = guard_add_input(guard, fd, is_gpio, config);
        if (error) {
            raise_errno(error);
            return -1;
        }
    }
    if (!guard_pairs_match(guard)) {
        PyErr_SetString(PyExc_ValueError, "pair: two inputs must name each other");
        return -1;
    }
    return 0;
}

static int add_outputs(struct guard *guard, PyObject *outputs)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(outputs); i++) {
        int fd, is_gpio;
        long long toggle_ns;
        struct output_config config;
        if (!PyArg_ParseTuple(PyTuple_GetItem(outputs, i), "ippL", &fd, &is_gpio, &config.safe,
                              &toggle_ns))
            return -1;
        config.toggle_ns = toggle_ns;
        int error = guard_add_output(guard, fd, is_gpio, config);
        if (error) {
            raise_errno(error);
            return -1;
        }
    }
    return 0;
}

static PyObject *guard_object_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *inputs, *outputs;
    long long lease_ns;
    int priority, latched;
    static char *names[] = {"inputs", "outputs", "lease_ns", "priority", "latched", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!Lip", names, &PyTuple_Type, &inputs,
                                     &PyTuple_Type, &outputs, &lease_ns, &priority, &latched))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    GuardObject *self = (GuardObject *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    self->guard = guard_new();
    if (self->guard == NULL) {
        Py_DECREF(self);
        return raise_errno(errno);
    }
    self->guard->lease_ns = lease_ns;
    self->guard->priority = priority;
    if (add_inputs(self->guard, inputs) < 0 || add_outputs(self->guard, outputs) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    int error = guard_start(self->guard, latched);
    if (error) {
        Py_DECREF(self);
        return raise_errno(error);
    }
    return (PyObject *)self;
}

static void guard_object_dealloc(GuardObject *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    if (self->guard != NULL) {
        Py_BEGIN_ALLOW_THREADS
        guard_free(self->guard);
        Py_END_ALLOW_THREADS
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int is_stopped(GuardObject *self)
{
    if (self->guard->running)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "the guard is stopped");
    return 1;
}

static PyObject *guard_object_renew(GuardObject *self, PyObject *unused)
{
    (void)unused;
    if (is_stopped(self))
        return NULL;
    guard_renew(self->guard);
    Py_RETURN_NONE;
}

static PyObject *guard_object_trip(GuardObject *self, PyObject *unused)
{
    (void)unused;
    if (is_stopped(self))
        return NULL;
    return PyLong_FromUnsignedLong(guard_trip(self->guard));
}

static PyObject *guard_object_set(GuardObject *self, PyObject *args)
{
    int index, value;
    if (!PyArg_ParseTuple(args, "ip", &index, &value) || is_stopped(self))
        return NULL;
    if (index < 0 || index >= self->guard->core.outputs_count) {
        PyErr_SetString(PyExc_IndexError, "no such output");
        return NULL;
    }
    return PyLong_FromUnsignedLong(guard_set(self->guard, index, value));
}

static PyObject *guard_object_result(GuardObject *self, PyObject *ticket)
{
    unsigned long number = PyLong_AsUnsignedLong(ticket);
    if (PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(guard_result(self->guard, (uint32_t)number));
}

static PyObject *numbers(const int *values, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple != NULL && i < count; i++) {
        PyObject *number = PyLong_FromLong(values[i]);
        if (number == NULL || PyTuple_SetItem(tuple, i, number) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *counters(const uint64_t *values)
{
    PyObject *tuple = PyTuple_New(COUNTERS);
    for (int i = 0; tuple != NULL && i < COUNTERS; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(values[i]);
        if (number == NULL || PyTuple_SetItem(tuple, i, number) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *guard_object_state(GuardObject *self, PyObject *unused)
{
    (void)unused;
    struct guard *guard = self->guard;
    struct view view;
    struct latency latency;
    int in = guard->core.inputs_count, out = guard->core.outputs_count;
    guard_view(guard, &view);
    guard_latency(guard, &latency);
    return Py_BuildValue(
        "(NNNNNiiiOiiN(KKKKK))", numbers(view.believed, in), numbers(view.discrepant, in),
        numbers(view.commanded, out), numbers(view.written, out), numbers(view.error, out),
        view.latched, view.cause, view.cause_index, view.lease_held ? Py_True : Py_False,
        atomic_load(&guard->realtime_error), atomic_load(&guard->lock_error),
        counters(view.counters), (unsigned long long)latency.count,
        (unsigned long long)latency.p50_ns, (unsigned long long)latency.p99_ns,
        (unsigned long long)latency.p999_ns, (unsigned long long)latency.max_ns);
}

static PyObject *guard_object_take(GuardObject *self, PyObject *unused)
{
    (void)unused;
    struct event event;
    PyObject *list = PyList_New(0);
    if (list == NULL)
        return NULL;
    /* Bounded, so that a flood cannot hold the interpreter lock. */
    for (int i = 0; i < EVENTS_MAX && event_take(&self->guard->core.events, &event); i++) {
        PyObject *item = Py_BuildValue("(iiiL)", event.kind, event.index, event.detail,
                                       (long long)event.mono_ns);
        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_XDECREF(item);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(item);
    }
    return list;
}

static PyObject *guard_object_fileno(GuardObject *self, PyObject *unused)
{
    (void)unused;
    if (is_stopped(self))
        return NULL;
    return PyLong_FromLong(self->guard->notify_fd);
}

static PyObject *guard_object_stop(GuardObject *self, PyObject *unused)
{
    (void)unused;
    unsigned unsafe = 0;
    if (guard_ask_stop(self->guard)) {
        Py_BEGIN_ALLOW_THREADS
        unsafe = guard_join(self->guard);
        Py_END_ALLOW_THREADS
    }
    return PyLong_FromUnsignedLong(unsafe);
}

static PyMethodDef guard_methods[] = {
    {"renew", (PyCFunction)guard_object_renew, METH_NOARGS, "Hold the lease for lease_ns more."},
    {"trip", (PyCFunction)guard_object_trip, METH_NOARGS, "Latch; returns the cause's ticket."},
    {"set", (PyCFunction)guard_object_set, METH_VARARGS, "Command an output; returns a ticket."},
    {"result", (PyCFunction)guard_object_result, METH_O, "What became of a ticket."},
    {"state", (PyCFunction)guard_object_state, METH_NOARGS, "What the guard published last."},
    {"take", (PyCFunction)guard_object_take, METH_NOARGS, "Take the waiting events."},
    {"fileno", (PyCFunction)guard_object_fileno, METH_NOARGS, "eventfd: events or results."},
    {"stop", (PyCFunction)guard_object_stop, METH_NOARGS, "Stop; a bit per output not safe."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot guard_slots[] = {
    {Py_tp_doc, "One guard thread: inputs watched, outputs held by lease."},
    {Py_tp_new, guard_object_new},
    {Py_tp_dealloc, guard_object_dealloc},
    {Py_tp_methods, guard_methods},
    {0, NULL},
};

static PyType_Spec guard_spec = {
    .name = "banksman_drivers.guard._native.Guard",
    .basicsize = sizeof(GuardObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = guard_slots,
};

static PyObject *open_line(PyObject *args, int is_output)
{
    PyObject *path;
    unsigned int offset;
    int level = 0;
    if (!PyArg_ParseTuple(args, is_output ? "O&Ip" : "O&I", PyUnicode_FSConverter, &path, &offset,
                          &level))
        return NULL;
    const char *chip = PyBytes_AsString(path);
    int fd = is_output ? gpio_open_output(chip, offset, level) : gpio_open_input(chip, offset);
    if (fd < 0)
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, chip);
    Py_DECREF(path);
    return fd < 0 ? NULL : PyLong_FromLong(fd);
}

static PyObject *native_gpio_input(PyObject *module, PyObject *args)
{
    (void)module;
    return open_line(args, 0);
}

static PyObject *native_gpio_output(PyObject *module, PyObject *args)
{
    (void)module;
    return open_line(args, 1);
}

static PyMethodDef module_methods[] = {
    {"gpio_input", native_gpio_input, METH_VARARGS, "Request an input line: (chip, offset)."},
    {"gpio_output", native_gpio_output, METH_VARARGS,
     "Request an output line and its first level at once: (chip, offset, level)."},
    {NULL, NULL, 0, NULL},
};

static int fill_module(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&guard_spec);
    if (type == NULL)
        return -1;
    int added = PyModule_AddObjectRef(module, "Guard", type);
    Py_DECREF(type);
    return added;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill_module}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "banksman_drivers.guard._native",
    .m_doc = "The guard's thread and the GPIO character device.",
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module);
}
