/* The guard's pure core behind plain functions, for tests in virtual time through ctypes. */
#include "core.h"

#include <stdlib.h>

struct core *shim_new(void) { return calloc(1, sizeof(struct core)); }
void shim_free(struct core *core) { free(core); }

void shim_input(struct core *core, int kind, int pair, int64_t debounce_ns, int64_t discrepancy_ns,
                int first_level)
{
    core_add_input(core, (struct input_config){kind, pair, debounce_ns, discrepancy_ns});
    struct input *input = &core->inputs[core->inputs_count - 1];
    input->raw = input->believed = first_level;
}

void shim_output(struct core *core, int safe, int64_t toggle_ns)
{
    core_add_output(core, (struct output_config){safe, toggle_ns});
}

int shim_level(struct core *core, int index) { return core->outputs[index].level; }
int shim_commanded(struct core *core, int index) { return core->outputs[index].commanded; }
int shim_believed(struct core *core, int index) { return core->inputs[index].believed; }
int shim_discrepant(struct core *core, int index) { return core->inputs[index].discrepant; }
int shim_latched(struct core *core) { return core->latched; }
int shim_cause(struct core *core) { return core->cause; }
int shim_lease_held(struct core *core) { return core->lease_held; }
uint64_t shim_counter(struct core *core, int index) { return core->counters[index]; }

/* kind, or -1 when there is none */
int shim_event(struct core *core, int *index, int *detail)
{
    struct event event;
    events_show(&core->events);
    if (!event_take(&core->events, &event))
        return -1;
    *index = event.index;
    *detail = event.detail;
    return event.kind;
}
