/* The PLC's registers and its answers: a request frame in, a response frame out, no sockets.
 *
 *   holding 0,1   sequence, low word first: +1 at EVERY read that covers register 0, so each
 *                 reading a peer ever took carries its own number and losses are countable
 *   holding 2     the stimulus: 100 (low) or 900 (high); the job is coil 0 := value > 500
 *   holding 3...  slow ramps that move at each read, so that no "report on change" hides one
 *   coil 0        the actuator
 *
 * Input registers are the same array, and every unit id answers. The frame is Modbus TCP's:
 *
 *   | transaction 2 | protocol 2 | length 2 | unit 1 | function 1 | data ... |
 */
#ifndef MODBUS_H
#define MODBUS_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX 300
#define FRAME_HEAD 8

extern struct counters {
    uint64_t reads, requests, exceptions, coil_writes, coil_redundant, connections;
    uint32_t sequence;
} counters;

bool stimulus_is_high(void);
void stimulus_set(bool high);

/* Length of the frame that begins here, 0 if its head is not complete, -1 if it is garbage. */
int modbus_frame_length(const uint8_t *bytes, int count);
/* Answer one whole request; returns the length of the answer. */
int modbus_answer(const uint8_t *request, int length, uint8_t *answer);

#endif
