/* What runs in the guard's thread. Each round: inputs first, then time, then requests; outputs
 * are written as soon as an input has changed them. See guard.h for the rules. */
#define _GNU_SOURCE
#include "guard.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define READY_MAX (INPUTS_MAX + OUTPUTS_MAX + 2)
#define ROUNDS_BUSY 64 /* without a wait, then REST_NS: a flood may not take a whole core, and */
#define REST_NS 100000 /* LimitRTTIME= ends a real-time thread that never sleeps */
#define CHECK_NS 100000000 /* fds alive, GPIO levels as their edges told, failed writes again */

static int latency_bucket(uint64_t ns)
{
    if (ns < 8)
        return (int)ns;
    int shift = 60 - __builtin_clzll(ns);
    int bucket = (shift + 1) * 8 + (int)((ns >> shift) & 7);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static void record_latency(struct guard *guard, int64_t from_ns)
{
    int64_t took = mono_ns() - from_ns;
    uint64_t ns = took > 0 ? (uint64_t)took : 0;
    atomic_fetch_add_explicit(&guard->buckets[latency_bucket(ns)], 1, memory_order_relaxed);
    if (ns > atomic_load_explicit(&guard->latency_max_ns, memory_order_relaxed))
        atomic_store_explicit(&guard->latency_max_ns, ns, memory_order_relaxed);
}

static void note_write(struct guard *guard, int index, int error, int64_t now_ns)
{
    struct core *core = &guard->core;
    struct driven *output = &guard->outputs[index];
    if (error == 0)
        core->counters[COUNT_WRITES]++;
    else
        core->counters[error == EAGAIN ? COUNT_WRITES_BLOCKED : COUNT_WRITES_FAILED]++;
    if (error != output->error) {
        int kind = error == 0 ? EVENT_OUTPUT_WRITTEN
            : error == EAGAIN ? EVENT_OUTPUT_BLOCKED
                              : EVENT_OUTPUT_FAILED;
        event_put(core, kind, index, error, now_ns);
    }
    output->error = error;
}

/* Writes every level that is not out yet; returns how many went out. */
int guard_flush(struct guard *guard, int64_t now_ns)
{
    int written = 0;
    for (int i = 0; i < guard->core.outputs_count; i++) {
        struct driven *output = &guard->outputs[i];
        int level = guard->core.outputs[i].level;
        if (level == output->written || level == output->attempted)
            continue;
        int error = line_write(&output->line, level);
        output->attempted = level;
        output->written = error ? LEVEL_UNKNOWN : level;
        written += !error;
        note_write(guard, i, error, now_ns);
    }
    return written;
}

static void apply_edges(struct guard *guard, int index, const struct reading *reading,
                        int64_t now_ns)
{
    uint64_t trips = guard->core.counters[COUNT_TRIPS];
    int64_t tripped_at_ns = NEVER;
    for (int i = 0; i < reading->count; i++) {
        core_input(&guard->core, index, reading->edges[i].level, reading->edges[i].at_ns);
        if (tripped_at_ns == NEVER && guard->core.counters[COUNT_TRIPS] != trips)
            tripped_at_ns = reading->edges[i].at_ns;
    }
    guard->core.counters[COUNT_GARBAGE_BYTES] += reading->garbage;
    guard->core.counters[COUNT_EDGES_LOST] += reading->lost;
    if (guard_flush(guard, now_ns) > 0 && tripped_at_ns != NEVER)
        record_latency(guard, tripped_at_ns);
}

/* One helping, so that a flood on one input starves nobody. */
static void read_input(struct guard *guard, int index, int64_t now_ns)
{
    struct watched *input = &guard->inputs[index];
    struct reading reading;
    if (input->lost)
        return;
    line_read(&input->line, now_ns, &reading);
    apply_edges(guard, index, &reading, now_ns);
    input->more = !reading.drained;
}

static void check_input(struct guard *guard, int index, int64_t now_ns)
{
    struct watched *input = &guard->inputs[index];
    int level = guard->core.inputs[index].raw;
    if (!line_alive(&input->line)) {
        input->lost = 1;
        input->more = 0;
        level = LEVEL_UNKNOWN;
    } else if (input->line.is_gpio && !input->more) {
        level = gpio_get(input->line.fd);
    }
    struct reading reading = {.edges = {{now_ns, level}}, .count = 1};
    apply_edges(guard, index, &reading, now_ns);
}

static void check(struct guard *guard, int64_t now_ns)
{
    if (now_ns < guard->check_at_ns)
        return;
    guard->check_at_ns = now_ns + CHECK_NS;
    for (int i = 0; i < guard->core.inputs_count; i++)
        if (!guard->inputs[i].lost)
            check_input(guard, i, now_ns);
    for (int i = 0; i < guard->core.outputs_count; i++) {
        struct driven *output = &guard->outputs[i];
        if (output->error)
            output->attempted = LEVEL_UNKNOWN;
        else if (!line_alive(&output->line))
            output->written = output->attempted = LEVEL_UNKNOWN;
    }
}

#define SHOW(field, value) atomic_store_explicit(&shown->field, value, memory_order_release)

void guard_publish(struct guard *guard)
{
    struct published *shown = &guard->published;
    struct core *core = &guard->core;
    uint32_t sequence = atomic_load_explicit(&shown->sequence, memory_order_relaxed);
    SHOW(sequence, sequence + 1);
    for (int i = 0; i < core->inputs_count; i++) {
        SHOW(believed[i], core->inputs[i].believed);
        SHOW(discrepant[i], core->inputs[i].discrepant);
    }
    for (int i = 0; i < core->outputs_count; i++) {
        SHOW(commanded[i], core->outputs[i].commanded);
        SHOW(written[i], guard->outputs[i].written);
        SHOW(error[i], guard->outputs[i].error);
    }
    SHOW(latched, core->latched);
    SHOW(cause, core->cause);
    SHOW(cause_index, core->cause_index);
    SHOW(lease_held, core->lease_held);
    for (int i = 0; i < COUNTERS; i++)
        SHOW(counters[i], core->counters[i]);
    SHOW(sequence, sequence + 2);
    events_show(&core->events);
}

static void take_lease_and_trip(struct guard *guard, int64_t now_ns)
{
    int lapsed = atomic_exchange(&guard->lapsed, 0);
    core_lease(&guard->core, atomic_load(&guard->lease_until_ns), lapsed, now_ns);
    uint32_t ticket = atomic_exchange(&guard->trip_ticket, 0);
    if (ticket != 0)
        core_trip(&guard->core, CAUSE_COMMAND, (int)ticket, now_ns);
}

static int set_one(struct guard *guard, const struct set_request *request, int64_t now_ns)
{
    int result = core_set(&guard->core, request->index, request->value, now_ns);
    guard_flush(guard, now_ns);
    if (result == RESULT_DONE && guard->outputs[request->index].error)
        return RESULT_NOT_WRITTEN;
    return result;
}

static int take_sets(struct guard *guard)
{
    uint32_t tail = atomic_load_explicit(&guard->sets_tail, memory_order_relaxed);
    int taken = 0;
    while (tail != atomic_load_explicit(&guard->sets_head, memory_order_acquire)) {
        struct set_request request = guard->sets[tail % SETS_MAX];
        int64_t now_ns = mono_ns();
        take_lease_and_trip(guard, now_ns); /* what came before the set counts before it */
        int result = set_one(guard, &request, now_ns);
        guard_publish(guard); /* who sees the result sees the state */
        atomic_store_explicit(&guard->results[tail % SETS_MAX],
                              (uint64_t)request.ticket << 8 | (uint64_t)result,
                              memory_order_release);
        atomic_store_explicit(&guard->sets_tail, ++tail, memory_order_release);
        taken++;
    }
    return taken;
}

static void tell(struct guard *guard, int results)
{
    if (results == 0 && guard->core.events.filled == guard->told)
        return;
    guard->told = guard->core.events.filled;
    uint64_t one = 1;
    while (write(guard->notify_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void arm_timer(struct guard *guard)
{
    int64_t next_ns = core_next_ns(&guard->core);
    if (guard->check_at_ns < next_ns)
        next_ns = guard->check_at_ns;
    if (next_ns == guard->armed_ns)
        return;
    guard->armed_ns = next_ns;
    struct itimerspec when = {
        .it_value = {.tv_sec = next_ns / 1000000000, .tv_nsec = next_ns % 1000000000}};
    timerfd_settime(guard->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* EPOLLET tells an eventfd or timerfd once; reading it to zero is not needed. */
static void take_ready(struct guard *guard, const struct epoll_event *ready, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t tag = ready[i].data.u64;
        if (tag == TAG_TIMER)
            guard->armed_ns = 0;
        else if (tag >= TAG_OUTPUT)
            guard->outputs[tag - TAG_OUTPUT].attempted = LEVEL_UNKNOWN;
        else if (tag >= TAG_INPUT)
            guard->inputs[tag - TAG_INPUT].more = 1;
    }
}

static int read_inputs(struct guard *guard, int64_t now_ns)
{
    int more = 0;
    for (int i = 0; i < guard->core.inputs_count; i++) {
        if (guard->inputs[i].more)
            read_input(guard, i, now_ns);
        more |= guard->inputs[i].more;
    }
    return more;
}

static void become_realtime(struct guard *guard)
{
    struct sched_param wanted = {.sched_priority = guard->priority};
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL); /* also SIGPIPE of an output without a reader */
    prctl(PR_SET_NAME, "banksman-guard");
    int error = 0;
    if (guard->priority > 0)
        error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted);
    atomic_store(&guard->realtime_error, error);
}

static void rest(void)
{
    struct timespec moment = {.tv_nsec = REST_NS};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

void *guard_thread(void *argument)
{
    struct guard *guard = argument;
    struct epoll_event ready[READY_MAX];
    int more = 0, busy = 0;
    become_realtime(guard);
    while (!atomic_load(&guard->stopping)) {
        busy = more ? busy + 1 : 0;
        if (busy % ROUNDS_BUSY == ROUNDS_BUSY - 1)
            rest();
        int count = epoll_wait(guard->epoll_fd, ready, READY_MAX, more ? 0 : -1);
        int64_t now_ns = mono_ns();
        take_ready(guard, ready, count);
        more = read_inputs(guard, now_ns);
        check(guard, now_ns);
        core_tick(&guard->core, now_ns);
        take_lease_and_trip(guard, now_ns);
        guard_flush(guard, now_ns);
        int results = take_sets(guard);
        guard->core.counters[COUNT_WAKES]++;
        guard_publish(guard);
        tell(guard, results);
        arm_timer(guard);
    }
    for (int i = 0; i < guard->core.outputs_count; i++) {
        core_set(&guard->core, i, guard->core.outputs[i].config.safe, 0);
        guard->outputs[i].attempted = LEVEL_UNKNOWN;
    }
    guard_flush(guard, mono_ns());
    guard_publish(guard);
    return NULL;
}
