/* Stopwatch of the plant: when a value changed, was served, and was answered by the coil.
 *
 *   value     ____/~~~~~~~~~~~~~~~~      fire: the register takes its other level
 *   served    ________|                  first answer that carries the new level
 *   coil      ____________/~~~~~~~~      the write that puts the coil right
 *                 |<--------->|          reaction: what the plant feels
 *                     |<----->|          decide: what the peer costs
 *
 * It knows no sockets: the Modbus side tells it what it served and what was written, with the
 * time. Everything is CLOCK_MONOTONIC nanoseconds of this process, so any peer is comparable.
 */
#ifndef STOPWATCH_H
#define STOPWATCH_H

#include <stdbool.h>
#include <stdint.h>

#define NEVER INT64_MAX

int64_t now_ns(void);

/* Begin `count` steps, each after a random gap; one not answered within timeout_ms is missed. */
void stopwatch_begin(int count, int gap_min_ms, int gap_max_ms, int timeout_ms);
/* End the steps now; one in flight is not counted. */
void stopwatch_stop(void);
/* When `stopwatch_turn` has something to do, or NEVER. */
int64_t stopwatch_wakes(void);
/* Fire or give up a step whose time has come. Returns true and sets the level when one fires. */
bool stopwatch_turn(int64_t now, bool is_high, bool *level);

/* An answer is about to be sent that carries the stimulus. */
void stopwatch_served(int64_t now);
/* The actuator was written. */
void stopwatch_written(bool value, int64_t now);

/* Poll pace: each read that covers register 0. `report` prints and keeps, `clear` forgets. */
void pace_polled(uint32_t sequence, int64_t now);
void pace_clear(void);
void pace_report(void);
/* Prints when reading `sequence` was served, as far back as the ring goes. */
void pace_when(uint32_t sequence);

#endif
