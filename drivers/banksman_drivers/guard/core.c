/* See core.h for the rules. */
#include "core.h"

void event_put(struct core *core, int kind, int index, int detail, int64_t at_ns)
{
    struct events *events = &core->events;
    uint32_t tail = atomic_load_explicit(&events->tail, memory_order_acquire);
    if (events->filled - tail == EVENTS_MAX) {
        core->counters[COUNT_EVENTS_DROPPED]++;
        return;
    }
    events->slots[events->filled % EVENTS_MAX] = (struct event){at_ns, kind, index, detail};
    events->filled++;
}

void events_show(struct events *events)
{
    atomic_store_explicit(&events->head, events->filled, memory_order_release);
}

int event_take(struct events *events, struct event *event)
{
    uint32_t tail = atomic_load_explicit(&events->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&events->head, memory_order_acquire))
        return 0;
    *event = events->slots[tail % EVENTS_MAX];
    atomic_store_explicit(&events->tail, tail + 1, memory_order_release);
    return 1;
}

void core_add_input(struct core *core, struct input_config config)
{
    core->inputs[core->inputs_count++] = (struct input){
        .config = config,
        .raw = LEVEL_UNKNOWN,
        .believed = LEVEL_UNKNOWN,
        .settle_at_ns = NEVER,
        .differ_at_ns = NEVER,
    };
}

void core_add_output(struct core *core, struct output_config config)
{
    core->outputs[core->outputs_count++] = (struct output){
        .config = config,
        .commanded = config.safe,
        .level = config.safe,
        .toggle_at_ns = NEVER,
    };
}

static void release(struct output *output)
{
    output->commanded = output->level = output->config.safe;
    output->toggle_at_ns = NEVER;
}

static void release_all(struct core *core)
{
    for (int i = 0; i < core->outputs_count; i++)
        release(&core->outputs[i]);
}

void core_trip(struct core *core, int cause, int index, int64_t now_ns)
{
    release_all(core);
    if (core->latched)
        return;
    core->latched = 1;
    core->cause = cause;
    core->cause_index = index;
    core->counters[COUNT_TRIPS]++;
    event_put(core, EVENT_TRIPPED, index, cause, now_ns);
}

/* Both channels seen open clears a discrepancy: that proves that neither contact is welded. */
static void compare_pair(struct core *core, int index, int64_t now_ns)
{
    int other = core->inputs[index].config.pair;
    if (other < 0)
        return;
    struct input *low = &core->inputs[index < other ? index : other];
    struct input *high = &core->inputs[index < other ? other : index];
    if ((low->believed == LEVEL_CLOSED) != (high->believed == LEVEL_CLOSED)) {
        if (low->differ_at_ns == NEVER && !low->discrepant)
            low->differ_at_ns = now_ns + low->config.discrepancy_ns;
        return;
    }
    low->differ_at_ns = NEVER;
    if (low->discrepant && low->believed == LEVEL_OPEN && high->believed == LEVEL_OPEN) {
        low->discrepant = high->discrepant = 0;
        event_put(core, EVENT_AGREED, index, other, now_ns);
    }
}

/* The input that forbids a reset, or -1. */
static int reset_blocker(const struct core *core)
{
    for (int i = 0; i < core->inputs_count; i++) {
        const struct input *input = &core->inputs[i];
        if (input->config.kind != INPUT_ESTOP)
            continue;
        if (input->believed != LEVEL_CLOSED || input->raw != LEVEL_CLOSED || input->discrepant)
            return i;
    }
    return -1;
}

static void try_reset(struct core *core, int index, int64_t now_ns)
{
    if (!core->latched)
        return;
    int blocker = reset_blocker(core);
    if (blocker >= 0) {
        core->counters[COUNT_RESETS_REFUSED]++;
        event_put(core, EVENT_RESET_REFUSED, index, blocker, now_ns);
        return;
    }
    core->latched = 0;
    core->cause = CAUSE_NONE;
    core->cause_index = -1;
    core->counters[COUNT_RESETS]++;
    event_put(core, EVENT_RESET, index, 0, now_ns);
}

static void believe_estop(struct core *core, int index, int64_t now_ns)
{
    struct input *input = &core->inputs[index];
    input->believed = input->raw;
    if (input->believed == LEVEL_CLOSED) {
        event_put(core, EVENT_CLOSED, index, 0, now_ns);
    } else {
        int unknown = input->believed == LEVEL_UNKNOWN;
        event_put(core, unknown ? EVENT_UNKNOWN : EVENT_OPENED, index, 0, now_ns);
        core_trip(core, unknown ? CAUSE_UNKNOWN : CAUSE_OPEN, index, now_ns);
    }
    compare_pair(core, index, now_ns);
}

/* A press is 0 -> 1 seen as an edge; the first state, or the first after unknown, is none. */
static void believe_reset(struct core *core, int index, int64_t now_ns)
{
    struct input *input = &core->inputs[index];
    int before = input->believed;
    int pressed = input->pressed;
    input->believed = input->raw;
    input->pressed = before == LEVEL_OPEN && input->raw == LEVEL_CLOSED;
    if (input->raw == LEVEL_UNKNOWN) {
        event_put(core, EVENT_UNKNOWN, index, 0, now_ns);
    } else if (input->pressed) {
        event_put(core, EVENT_PRESSED, index, 0, now_ns);
    } else if (pressed) {
        event_put(core, EVENT_RELEASED, index, 0, now_ns);
        try_reset(core, index, now_ns);
    }
}

static void believe(struct core *core, int index, int64_t now_ns)
{
    struct input *input = &core->inputs[index];
    input->settle_at_ns = NEVER;
    if (input->raw == input->believed)
        return;
    if (input->config.kind == INPUT_ESTOP)
        believe_estop(core, index, now_ns);
    else
        believe_reset(core, index, now_ns);
}

void core_input(struct core *core, int index, int level, int64_t at_ns)
{
    core_tick(core, at_ns);
    struct input *input = &core->inputs[index];
    if (level == input->raw)
        return;
    input->raw = level;
    core->counters[COUNT_EDGES]++;
    int at_once = level == LEVEL_UNKNOWN || input->config.debounce_ns == 0
        || (input->config.kind == INPUT_ESTOP && level == LEVEL_OPEN);
    if (at_once)
        believe(core, index, at_ns);
    else
        input->settle_at_ns = at_ns + input->config.debounce_ns;
}

void core_begin(struct core *core, int latched, int64_t now_ns)
{
    core->lease_until_ns = 0;
    core->latched = latched;
    core->cause = latched ? CAUSE_RESTORED : CAUSE_NONE;
    core->cause_index = -1;
    for (int i = 0; i < core->inputs_count; i++) {
        const struct input *input = &core->inputs[i];
        compare_pair(core, i, now_ns);
        if (input->config.kind != INPUT_ESTOP || input->believed == LEVEL_CLOSED || core->latched)
            continue;
        core->latched = 1;
        core->cause = input->believed == LEVEL_OPEN ? CAUSE_OPEN : CAUSE_UNKNOWN;
        core->cause_index = i;
    }
}

static void toggle(struct core *core, struct output *output, int64_t now_ns)
{
    output->level = !output->level;
    output->toggle_at_ns += output->config.toggle_ns;
    if (output->toggle_at_ns <= now_ns) { /* we were stopped: a late edge, not a burst of them */
        core->counters[COUNT_TOGGLES_MISSED] +=
            (uint64_t)((now_ns - output->toggle_at_ns) / output->config.toggle_ns) + 1;
        output->toggle_at_ns = now_ns + output->config.toggle_ns;
    }
}

void core_tick(struct core *core, int64_t now_ns)
{
    for (int i = 0; i < core->inputs_count; i++) {
        struct input *input = &core->inputs[i];
        if (input->settle_at_ns <= now_ns)
            believe(core, i, now_ns);
    }
    for (int i = 0; i < core->inputs_count; i++) {
        struct input *input = &core->inputs[i];
        if (input->differ_at_ns > now_ns)
            continue;
        input->differ_at_ns = NEVER;
        input->discrepant = core->inputs[input->config.pair].discrepant = 1;
        event_put(core, EVENT_DISCREPANCY, i, input->config.pair, now_ns);
        core_trip(core, CAUSE_DISCREPANCY, i, now_ns);
    }
    for (int i = 0; i < core->outputs_count; i++)
        if (core->outputs[i].toggle_at_ns <= now_ns)
            toggle(core, &core->outputs[i], now_ns);
}

void core_lease(struct core *core, int64_t until_ns, int lapsed, int64_t now_ns)
{
    core->lease_until_ns = until_ns;
    if (core->lease_held && (lapsed || now_ns >= until_ns)) {
        core->lease_held = 0;
        core->counters[COUNT_LEASES_EXPIRED]++;
        release_all(core);
        event_put(core, EVENT_LEASE_EXPIRED, -1, 0, now_ns);
    }
    if (!core->lease_held && now_ns < until_ns) {
        core->lease_held = 1;
        event_put(core, EVENT_LEASE_RENEWED, -1, 0, now_ns);
    }
}

int core_set(struct core *core, int index, int value, int64_t now_ns)
{
    struct output *output = &core->outputs[index];
    if (value == output->config.safe) {
        release(output);
        return RESULT_DONE;
    }
    if (core->latched || !core->lease_held) {
        core->counters[COUNT_COMMANDS_REFUSED]++;
        return core->latched ? RESULT_LATCHED : RESULT_NO_LEASE;
    }
    if (output->commanded == value)
        return RESULT_DONE;
    output->commanded = output->level = value;
    if (output->config.toggle_ns > 0)
        output->toggle_at_ns = now_ns + output->config.toggle_ns;
    return RESULT_DONE;
}

int64_t core_next_ns(const struct core *core)
{
    int64_t next = core->lease_held ? core->lease_until_ns : NEVER;
    for (int i = 0; i < core->inputs_count; i++) {
        const struct input *input = &core->inputs[i];
        next = input->settle_at_ns < next ? input->settle_at_ns : next;
        next = input->differ_at_ns < next ? input->differ_at_ns : next;
    }
    for (int i = 0; i < core->outputs_count; i++)
        if (core->outputs[i].toggle_at_ns < next)
            next = core->outputs[i].toggle_at_ns;
    return next;
}
