/* The guard seen from outside its thread: life cycle, requests, views. See guard.h. */
#include "guard.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)
#define GUARD_PAGE_BYTES (64 * 1024) /* at least one page on any aarch64 kernel */

struct guard *guard_new(void)
{
    struct guard *guard = mmap(NULL, sizeof *guard, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard == MAP_FAILED)
        return NULL;
    if (mlock(guard, sizeof *guard) < 0)
        guard->lock_error = errno;
    guard->epoll_fd = guard->timer_fd = guard->wake_fd = guard->notify_fd = -1;
    guard->next_ticket = 1;
    return guard;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_line(struct line *line)
{
    if (line->fd >= 0 && line_alive(line)) /* else it is somebody else's by now */
        close(line->fd);
    line->fd = -1;
}

static void close_all(struct guard *guard)
{
    for (int i = 0; i < guard->core.inputs_count; i++)
        close_line(&guard->inputs[i].line);
    for (int i = 0; i < guard->core.outputs_count; i++)
        close_line(&guard->outputs[i].line);
    close_fd(&guard->epoll_fd);
    close_fd(&guard->timer_fd);
    close_fd(&guard->wake_fd);
    close_fd(&guard->notify_fd);
    if (guard->stack != NULL)
        munmap(guard->stack, STACK_BYTES + GUARD_PAGE_BYTES);
    guard->stack = NULL;
}

/* EPOLLET: a hang-up is told once and never spins; regular files cannot be waited on. */
static int watch(struct guard *guard, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event interest = {.events = events | EPOLLET, .data.u64 = tag};
    return epoll_ctl(guard->epoll_fd, EPOLL_CTL_ADD, fd, &interest) < 0 ? errno : 0;
}

static int open_waits(struct guard *guard)
{
    guard->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    guard->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    guard->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    guard->notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (guard->epoll_fd < 0 || guard->timer_fd < 0 || guard->wake_fd < 0 || guard->notify_fd < 0)
        return errno;
    int error = watch(guard, guard->timer_fd, EPOLLIN, TAG_TIMER);
    if (!error)
        error = watch(guard, guard->wake_fd, EPOLLIN, TAG_WAKE);
    for (int i = 0; i < guard->core.inputs_count && !error; i++)
        error = watch(guard, guard->inputs[i].line.fd, EPOLLIN, TAG_INPUT + (uint64_t)i);
    for (int i = 0; i < guard->core.outputs_count && !error; i++)
        if (!guard->outputs[i].line.is_gpio)
            error = watch(guard, guard->outputs[i].line.fd, EPOLLOUT, TAG_OUTPUT + (uint64_t)i);
    return error;
}

static int start_thread(struct guard *guard)
{
    char *stack = mmap(NULL, STACK_BYTES + GUARD_PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return errno;
    guard->stack = stack;
    if (mprotect(stack, GUARD_PAGE_BYTES, PROT_NONE) < 0)
        return errno;
    if (mlock(stack + GUARD_PAGE_BYTES, STACK_BYTES) < 0)
        guard->lock_error = errno;
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error)
        return error;
    error = pthread_attr_setstack(&attributes, stack + GUARD_PAGE_BYTES, STACK_BYTES);
    if (!error)
        error = pthread_create(&guard->thread, &attributes, guard_thread, guard);
    pthread_attr_destroy(&attributes);
    guard->running = !error;
    return error;
}

int guard_add_input(struct guard *guard, int fd, int is_gpio, struct input_config config)
{
    if (guard->core.inputs_count == INPUTS_MAX)
        return E2BIG;
    if (line_adopt(&guard->inputs[guard->core.inputs_count].line, fd, is_gpio) < 0)
        return errno;
    core_add_input(&guard->core, config);
    return 0;
}

int guard_add_output(struct guard *guard, int fd, int is_gpio, struct output_config config)
{
    if (guard->core.outputs_count == OUTPUTS_MAX)
        return E2BIG;
    if (line_adopt(&guard->outputs[guard->core.outputs_count].line, fd, is_gpio) < 0)
        return errno;
    core_add_output(&guard->core, config);
    return 0;
}

int guard_pairs_match(const struct guard *guard)
{
    const struct core *core = &guard->core;
    for (int i = 0; i < core->inputs_count; i++) {
        int pair = core->inputs[i].config.pair;
        if (pair < 0)
            continue;
        if (pair == i || pair >= core->inputs_count || core->inputs[pair].config.pair != i)
            return 0;
    }
    return 1;
}

int guard_start(struct guard *guard, int latched)
{
    int64_t now_ns = mono_ns();
    for (int i = 0; i < guard->core.inputs_count; i++) {
        struct input *input = &guard->core.inputs[i];
        input->raw = input->believed = line_first_level(&guard->inputs[i].line);
    }
    core_begin(&guard->core, latched, now_ns);
    for (int i = 0; i < guard->core.outputs_count; i++) {
        struct driven *output = &guard->outputs[i];
        output->written = output->line.is_gpio ? guard->core.outputs[i].level : LEVEL_UNKNOWN;
        output->attempted = output->written;
    }
    guard->check_at_ns = now_ns;
    guard->realtime_error = EINPROGRESS;
    guard_flush(guard, now_ns);
    guard_publish(guard);
    int error = open_waits(guard);
    if (!error)
        error = start_thread(guard);
    return error;
}

static void wake(struct guard *guard)
{
    uint64_t one = 1;
    while (write(guard->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

int guard_ask_stop(struct guard *guard)
{
    if (!guard->running)
        return 0;
    guard->running = 0;
    atomic_store(&guard->stopping, 1);
    wake(guard);
    return 1;
}

unsigned guard_join(struct guard *guard)
{
    unsigned unsafe = 0;
    pthread_join(guard->thread, NULL);
    for (int i = 0; i < guard->core.outputs_count; i++)
        if (guard->outputs[i].written != guard->core.outputs[i].config.safe)
            unsafe |= 1u << i;
    close_all(guard);
    return unsafe;
}

void guard_free(struct guard *guard)
{
    if (guard_ask_stop(guard))
        guard_join(guard);
    close_all(guard);
    munmap(guard, sizeof *guard);
}

/* Costs no wake-up while it comes in time. One that comes late says so: then the guard lets an
 * expiry lie in between even where its own timer had not run yet (SIGSTOP, a loaded machine). */
void guard_renew(struct guard *guard)
{
    int64_t now_ns = mono_ns();
    int64_t before_ns = atomic_exchange(&guard->lease_until_ns, now_ns + guard->lease_ns);
    if (before_ns > now_ns)
        return;
    atomic_store(&guard->lapsed, 1);
    wake(guard);
}

uint32_t guard_trip(struct guard *guard)
{
    uint32_t ticket = guard->next_ticket++;
    uint32_t none = 0;
    atomic_compare_exchange_strong(&guard->trip_ticket, &none, ticket);
    wake(guard);
    return ticket;
}

uint32_t guard_set(struct guard *guard, int index, int value)
{
    uint32_t head = atomic_load_explicit(&guard->sets_head, memory_order_relaxed);
    if (head - atomic_load_explicit(&guard->sets_tail, memory_order_acquire) == SETS_MAX)
        return 0;
    uint32_t ticket = guard->next_ticket++;
    guard->sets[head % SETS_MAX] = (struct set_request){ticket, index, value};
    atomic_store_explicit(&guard->sets_head, head + 1, memory_order_release);
    wake(guard);
    return ticket;
}

int guard_result(struct guard *guard, uint32_t ticket)
{
    for (int i = 0; i < SETS_MAX; i++) {
        uint64_t result = atomic_load_explicit(&guard->results[i], memory_order_acquire);
        if (result >> 8 == ticket)
            return (int)(result & 255);
    }
    return RESULT_PENDING;
}

#define TAKE(field) atomic_load_explicit(&guard->published.field, memory_order_acquire)

void guard_view(struct guard *guard, struct view *view)
{
    uint32_t sequence;
    int tries = 0;
    do {
        if (++tries % 1000 == 0)
            sched_yield(); /* the guard's thread was interrupted in between: let it finish */
        sequence = TAKE(sequence);
        for (int i = 0; i < INPUTS_MAX; i++) {
            view->believed[i] = TAKE(believed[i]);
            view->discrepant[i] = TAKE(discrepant[i]);
        }
        for (int i = 0; i < OUTPUTS_MAX; i++) {
            view->commanded[i] = TAKE(commanded[i]);
            view->written[i] = TAKE(written[i]);
            view->error[i] = TAKE(error[i]);
        }
        view->latched = TAKE(latched);
        view->cause = TAKE(cause);
        view->cause_index = TAKE(cause_index);
        view->lease_held = TAKE(lease_held);
        for (int i = 0; i < COUNTERS; i++)
            view->counters[i] = TAKE(counters[i]);
    } while (sequence % 2 != 0 || sequence != TAKE(sequence));
}

static uint64_t bucket_upper_ns(int bucket)
{
    if (bucket < 8)
        return (uint64_t)bucket;
    int shift = bucket / 8 - 1;
    return ((uint64_t)(8 + bucket % 8 + 1) << shift) - 1;
}

static uint64_t quantile(const uint64_t *counts, uint64_t total, double share)
{
    uint64_t wanted = (uint64_t)((double)total * share), seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += counts[i];
        if (seen > wanted)
            return bucket_upper_ns(i);
    }
    return 0;
}

void guard_latency(struct guard *guard, struct latency *latency)
{
    uint64_t counts[BUCKETS];
    *latency = (struct latency){.max_ns = atomic_load(&guard->latency_max_ns)};
    for (int i = 0; i < BUCKETS; i++)
        latency->count += counts[i] = atomic_load_explicit(&guard->buckets[i], memory_order_relaxed);
    latency->p50_ns = quantile(counts, latency->count, 0.50);
    latency->p99_ns = quantile(counts, latency->count, 0.99);
    latency->p999_ns = quantile(counts, latency->count, 0.999);
}
