#define _GNU_SOURCE
#include "stopwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS 1000000LL
#define INTERVALS_MAX 400000
#define RING 65536 /* readings whose time is remembered: 65 s at 1000 polls/s */

static struct {
    bool flying, wanted;
    int number, left;
    int gap_min_ms, gap_max_ms, timeout_ms;
    int64_t fires, changed, served;
} step = {.fires = NEVER};

static float intervals_ms[INTERVALS_MAX];
static int intervals;
static int64_t polled;
static int64_t ring[RING];
static uint32_t newest;

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Sub-millisecond randomness keeps the steps from falling in phase with the peer's poll. */
static int64_t random_gap(void)
{
    return (int64_t)((step.gap_min_ms + drand48() * (step.gap_max_ms - step.gap_min_ms)) * MS);
}

void stopwatch_begin(int count, int gap_min_ms, int gap_max_ms, int timeout_ms)
{
    step.left = count;
    step.gap_min_ms = gap_min_ms;
    step.gap_max_ms = gap_max_ms;
    step.timeout_ms = timeout_ms;
    step.fires = now_ns() + random_gap();
}

void stopwatch_stop(void)
{
    step.left = 0;
    step.fires = NEVER;
    step.flying = false;
    puts("{\"event\":\"steps_done\"}");
}

int64_t stopwatch_wakes(void)
{
    return step.flying ? step.changed + step.timeout_ms * MS : step.fires;
}

static void finish(bool missed, int64_t now)
{
    double decide_ms = step.served ? (now - step.served) / (double)MS : -1;
    printf("{\"event\":\"step\",\"number\":%d,\"wanted\":%d,\"missed\":%s,"
           "\"reaction_ms\":%.4f,\"decide_ms\":%.4f}\n",
           step.number, step.wanted, missed ? "true" : "false",
           (now - step.changed) / (double)MS, decide_ms);
    step.flying = false;
    if (--step.left > 0)
        step.fires = now + random_gap();
    else
        stopwatch_stop();
}

bool stopwatch_turn(int64_t now, bool is_high, bool *level)
{
    if (step.flying && now > step.changed + step.timeout_ms * MS)
        finish(true, now);
    if (step.flying || now < step.fires)
        return false;
    step.number++;
    step.flying = true;
    step.wanted = *level = !is_high;
    step.fires = NEVER;
    step.served = 0;
    step.changed = now_ns();
    return true;
}

void stopwatch_served(int64_t now)
{
    if (step.flying && !step.served)
        step.served = now;
}

void stopwatch_written(bool value, int64_t now)
{
    if (step.flying && value == step.wanted)
        finish(false, now);
}

void pace_polled(uint32_t sequence, int64_t now)
{
    if (polled && intervals < INTERVALS_MAX)
        intervals_ms[intervals++] = (now - polled) / (float)MS;
    polled = now;
    newest = sequence;
    ring[sequence % RING] = now;
}

void pace_clear(void)
{
    intervals = 0;
    polled = 0;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void pace_report(void)
{
    float *sorted = malloc(sizeof *sorted * (intervals + 1));
    sorted[0] = -1;
    for (int i = 0; i < intervals; i++)
        sorted[i] = intervals_ms[i];
    qsort(sorted, intervals, sizeof *sorted, ascending);
    printf("{\"event\":\"pace\",\"count\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           intervals, sorted[intervals / 2 - (intervals && intervals % 2 == 0)],
           sorted[(int)(intervals * 0.99)], sorted[intervals ? intervals - 1 : 0]);
    free(sorted);
}

void pace_when(uint32_t sequence)
{
    bool known = sequence && sequence <= newest && newest - sequence < RING;
    printf("{\"event\":\"when\",\"sequence\":%u,\"mono_ns\":%lld}\n", sequence,
           known ? (long long)ring[sequence % RING] : -1LL);
}
