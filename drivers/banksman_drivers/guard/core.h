/* The guard's pure core: levels and times in, wanted output levels and events out.
 *
 * Rules of this file
 * - No system call, no clock, no lock, no allocation: time is an argument, and one thread
 *   (the guard's) calls everything here except event_take().
 * - Unknown means stopped. Invariant: not latched => every e-stop is believed closed.
 * - Outputs leave their safe level only by core_set(), never by a reset or a renewal.
 *
 *   e-stop raw    closed ‾‾‾‾|_|‾|_|‾‾‾‾‾‾‾‾‾     opening is believed at once,
 *   believed      closed ‾‾‾‾|__________|‾‾‾‾     closing after debounce_ns of rest
 *   outputs       held   ‾‾‾‾|_______________     safe, latched, until reset AND a new set
 */
#ifndef BANKSMAN_GUARD_CORE_H
#define BANKSMAN_GUARD_CORE_H

#include <stdatomic.h>
#include <stdint.h>

#define INPUTS_MAX 16
#define OUTPUTS_MAX 16
#define EVENTS_MAX 1024 /* a power of two */
#define NEVER INT64_MAX

enum level { LEVEL_UNKNOWN = -1, LEVEL_OPEN = 0, LEVEL_CLOSED = 1 };
enum input_kind { INPUT_ESTOP, INPUT_RESET };
enum cause { CAUSE_NONE, CAUSE_OPEN, CAUSE_UNKNOWN, CAUSE_DISCREPANCY, CAUSE_COMMAND, CAUSE_RESTORED };
enum result { RESULT_PENDING, RESULT_DONE, RESULT_LATCHED, RESULT_NO_LEASE, RESULT_NOT_WRITTEN };

/* The order is part of the binding: native.py names them in the same order. */
enum event_kind {
    EVENT_OPENED,
    EVENT_CLOSED,
    EVENT_UNKNOWN,
    EVENT_PRESSED,
    EVENT_RELEASED,
    EVENT_TRIPPED,       /* detail: cause; index: input, or ticket of the command */
    EVENT_RESET,         /* index: the reset input */
    EVENT_RESET_REFUSED, /* detail: the e-stop that holds it */
    EVENT_DISCREPANCY,
    EVENT_AGREED,
    EVENT_LEASE_EXPIRED,
    EVENT_LEASE_RENEWED,
    EVENT_OUTPUT_BLOCKED, /* index: output */
    EVENT_OUTPUT_FAILED,  /* detail: errno */
    EVENT_OUTPUT_WRITTEN, /* after it was blocked or had failed */
};

enum counter {
    COUNT_EDGES,
    COUNT_GARBAGE_BYTES,
    COUNT_EDGES_LOST,
    COUNT_TRIPS,
    COUNT_RESETS,
    COUNT_RESETS_REFUSED,
    COUNT_LEASES_EXPIRED,
    COUNT_COMMANDS_REFUSED,
    COUNT_TOGGLES_MISSED,
    COUNT_WRITES,
    COUNT_WRITES_BLOCKED,
    COUNT_WRITES_FAILED,
    COUNT_EVENTS_DROPPED,
    COUNT_WAKES,
    COUNTERS,
};

struct event {
    int64_t mono_ns;
    int32_t kind;
    int32_t index;
    int32_t detail;
};

/* One producer (the guard's thread), one consumer (whoever holds the interpreter lock).
 * events_show() follows the publishing of the state, so that who sees an event sees its state. */
struct events {
    struct event slots[EVENTS_MAX];
    uint32_t filled;
    _Atomic uint32_t head, tail;
};

struct input_config {
    int kind;
    int pair; /* index of the other channel, or -1 */
    int64_t debounce_ns;
    int64_t discrepancy_ns;
};

struct input {
    struct input_config config;
    int raw;      /* newest level told */
    int believed; /* the level that counts */
    int pressed;  /* reset only: a press was seen as an edge */
    int discrepant;
    int64_t settle_at_ns; /* when raw will be believed */
    int64_t differ_at_ns; /* pair: when a difference becomes a discrepancy; the lower index's */
};

struct output_config {
    int safe;
    int64_t toggle_ns; /* half period; 0: a steady level */
};

struct output {
    struct output_config config;
    int commanded;
    int level; /* what the line shall carry now */
    int64_t toggle_at_ns;
};

struct core {
    int inputs_count, outputs_count;
    struct input inputs[INPUTS_MAX];
    struct output outputs[OUTPUTS_MAX];
    int latched, cause, cause_index;
    int lease_held;
    int64_t lease_until_ns;
    uint64_t counters[COUNTERS];
    struct events events;
};

void core_add_input(struct core *core, struct input_config config); /* its level: unknown */
void core_add_output(struct core *core, struct output_config config);
/* The first state is no edge: it makes no event, yet an e-stop not closed is a latched trip. */
void core_begin(struct core *core, int latched, int64_t now_ns);
void core_input(struct core *core, int index, int level, int64_t at_ns);
void core_tick(struct core *core, int64_t now_ns);
/* `lapsed`: a renewal came after the lease had run out, so an expiry lies in between. */
void core_lease(struct core *core, int64_t until_ns, int lapsed, int64_t now_ns);
void core_trip(struct core *core, int cause, int index, int64_t now_ns);
int core_set(struct core *core, int index, int value, int64_t now_ns);
int64_t core_next_ns(const struct core *core);

void event_put(struct core *core, int kind, int index, int detail, int64_t at_ns);
void events_show(struct events *events);
int event_take(struct events *events, struct event *event);

#endif
