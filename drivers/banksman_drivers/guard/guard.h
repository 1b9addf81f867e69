/* The guard's thread: waits, feeds the core, writes what the core wants, publishes.
 *
 * Rules of this file
 * - The thread never takes a lock, so nobody can hold it up: others talk to it through atomics,
 *   two single-producer rings and an eventfd, and read what it published under a sequence count.
 * - It calls nothing of Python and needs no interpreter lock.
 * - Whoever calls guard_* from outside holds the interpreter lock: that makes them one producer.
 * - Only its own memory (this struct, the stack) is locked, never the whole process.
 *
 *   inputs ──► epoll ──► core ──► outputs written ──► published, eventfd ──► Python
 *   requests (renewal, trip, set) ──┘
 */
#ifndef BANKSMAN_GUARD_GUARD_H
#define BANKSMAN_GUARD_GUARD_H

#include "core.h"
#include "lines.h"

#include <pthread.h>
#include <stddef.h>

#define SETS_MAX 64 /* a power of two */
#define BUCKETS 304 /* 8 to each doubling of nanoseconds: bounds within 12.5 % */

struct set_request {
    uint32_t ticket;
    int32_t index;
    int32_t value;
};

/* Only the thread touches it. */
struct driven {
    struct line line;
    int written;   /* the level that is known to be out, or LEVEL_UNKNOWN */
    int attempted; /* not tried again before the next check or EPOLLOUT */
    int error;     /* 0, or why the last write did not go out */
};

struct watched {
    struct line line;
    int more; /* edge-triggered epoll: not drained yet */
    int lost; /* the fd was closed or reused underneath: unknown for good */
};

/* What others may see. Each field is atomic; `sequence` is odd while they change. */
struct published {
    _Atomic uint32_t sequence;
    _Atomic int believed[INPUTS_MAX], discrepant[INPUTS_MAX];
    _Atomic int commanded[OUTPUTS_MAX], written[OUTPUTS_MAX], error[OUTPUTS_MAX];
    _Atomic int latched, cause, cause_index, lease_held;
    _Atomic uint64_t counters[COUNTERS];
};

struct view {
    int believed[INPUTS_MAX], discrepant[INPUTS_MAX];
    int commanded[OUTPUTS_MAX], written[OUTPUTS_MAX], error[OUTPUTS_MAX];
    int latched, cause, cause_index, lease_held;
    uint64_t counters[COUNTERS];
};

struct latency {
    uint64_t count, p50_ns, p99_ns, p999_ns, max_ns;
};

struct guard {
    struct core core;
    struct watched inputs[INPUTS_MAX];
    struct driven outputs[OUTPUTS_MAX];
    int64_t lease_ns, armed_ns, check_at_ns;
    int priority;
    int epoll_fd, timer_fd, wake_fd, notify_fd;
    uint32_t told; /* how many events Python was told of */

    _Atomic int64_t lease_until_ns;
    _Atomic int lapsed, stopping;
    _Atomic uint32_t trip_ticket;
    uint32_t next_ticket;
    struct set_request sets[SETS_MAX];
    _Atomic uint32_t sets_head, sets_tail;
    _Atomic uint64_t results[SETS_MAX]; /* ticket << 8 | result */

    struct published published;
    _Atomic uint64_t buckets[BUCKETS], latency_max_ns;
    _Atomic int realtime_error, lock_error; /* errno; EINPROGRESS until the thread has tried */

    pthread_t thread;
    int running;
    void *stack;
};

struct guard *guard_new(void); /* NULL with errno set */
/* Both return 0 or an errno, and come before guard_start. */
int guard_add_input(struct guard *guard, int fd, int is_gpio, struct input_config config);
int guard_add_output(struct guard *guard, int fd, int is_gpio, struct output_config config);
int guard_pairs_match(const struct guard *guard);
/* Returns 0 or an errno. Reads first levels, writes safe ones, then starts the thread. */
int guard_start(struct guard *guard, int latched);
/* From here on no other call than guard_view may be made; 0 if it was asked before. */
int guard_ask_stop(struct guard *guard);
/* Joins the thread (which leaves outputs safe) and closes fds; a bit per output NOT safe.
 * Needs no interpreter lock. */
unsigned guard_join(struct guard *guard);
void guard_free(struct guard *guard);

void guard_renew(struct guard *guard);
uint32_t guard_trip(struct guard *guard);
uint32_t guard_set(struct guard *guard, int index, int value); /* 0: sixty-four are waiting */
int guard_result(struct guard *guard, uint32_t ticket);
void guard_view(struct guard *guard, struct view *view);
void guard_latency(struct guard *guard, struct latency *latency);

/* loop.c */
enum tag { TAG_TIMER, TAG_WAKE, TAG_INPUT = 16, TAG_OUTPUT = TAG_INPUT + INPUTS_MAX };
void *guard_thread(void *guard);
int guard_flush(struct guard *guard, int64_t now_ns);
void guard_publish(struct guard *guard);

#endif
