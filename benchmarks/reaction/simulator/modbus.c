#include "modbus.h"

#include <string.h>

#include "stopwatch.h"

#define REGISTERS 2048
#define COILS 2048
#define STIMULUS 2
#define LOW 100
#define HIGH 900
#define RAMP_MAX 1000

enum { OK = 0, ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

struct counters counters;

static uint16_t holding[REGISTERS] = {[STIMULUS] = LOW};
static uint8_t coils[COILS];

static int word(const uint8_t *at) { return at[0] << 8 | at[1]; }

static void put_word(uint8_t *at, int value)
{
    at[0] = value >> 8;
    at[1] = value;
}

bool stimulus_is_high(void) { return holding[STIMULUS] == HIGH; }

void stimulus_set(bool high) { holding[STIMULUS] = high ? HIGH : LOW; }

int modbus_frame_length(const uint8_t *bytes, int count)
{
    if (count < 6)
        return 0;
    int length = 6 + word(bytes + 4);
    return length < 12 || length > FRAME_MAX ? -1 : length;
}

static void write_coil(int address, bool on)
{
    if (address == 0) {
        counters.coil_writes++;
        counters.coil_redundant += coils[0] == on;
        stopwatch_written(on, now_ns());
    }
    coils[address] = on;
}

static void count_reading(void)
{
    counters.reads++;
    counters.sequence++;
    pace_polled(counters.sequence, now_ns());
    holding[0] = counters.sequence & 0xffff;
    holding[1] = counters.sequence >> 16;
    for (int i = STIMULUS + 1; i < 128; i++)
        holding[i] = (counters.sequence + i * 7) % RAMP_MAX;
}

static int read_bits(int address, int count, uint8_t *data, int *size)
{
    if (count < 1 || count > 2000)
        return ILLEGAL_VALUE;
    if (address + count > COILS)
        return ILLEGAL_ADDRESS;
    data[0] = (count + 7) / 8;
    memset(data + 1, 0, data[0]);
    for (int i = 0; i < count; i++)
        data[1 + i / 8] |= coils[address + i] << (i % 8);
    *size = 1 + data[0];
    return OK;
}

static int read_registers(int address, int count, uint8_t *data, int *size)
{
    if (count < 1 || count > 125)
        return ILLEGAL_VALUE;
    if (address + count > REGISTERS)
        return ILLEGAL_ADDRESS;
    if (address == 0)
        count_reading();
    data[0] = count * 2;
    for (int i = 0; i < count; i++)
        put_word(data + 1 + 2 * i, holding[address + i]);
    *size = 1 + data[0];
    /* Before it is sent: a peer may answer before our send() has returned. */
    if (address <= STIMULUS && STIMULUS < address + count)
        stopwatch_served(now_ns());
    return OK;
}

static int write_many(int function, const uint8_t *data, int length, int address, int count)
{
    int bytes = function == 15 ? (count + 7) / 8 : count * 2;
    if (count < 1 || count > 1968 || length < 5 + bytes)
        return ILLEGAL_VALUE;
    if (address + count > (function == 15 ? COILS : REGISTERS))
        return ILLEGAL_ADDRESS;
    for (int i = 0; i < count; i++) {
        if (function == 15)
            write_coil(address + i, data[5 + i / 8] >> (i % 8) & 1);
        else
            holding[address + i] = word(data + 5 + 2 * i);
    }
    return OK;
}

static int write_one(int function, const uint8_t *data, int address)
{
    if (address >= (function == 5 ? COILS : REGISTERS))
        return ILLEGAL_ADDRESS;
    if (function == 5)
        write_coil(address, data[2] == 0xff);
    else
        holding[address] = word(data + 2);
    return OK;
}

int modbus_answer(const uint8_t *request, int length, uint8_t *answer)
{
    const uint8_t *data = request + FRAME_HEAD;
    int function = request[7], address = word(data), count = word(data + 2);
    int size = 4, wrong;

    counters.requests++;
    memcpy(answer, request, FRAME_HEAD);
    switch (function) {
    case 1:
    case 2:
        wrong = read_bits(address, count, answer + FRAME_HEAD, &size);
        break;
    case 3:
    case 4:
        wrong = read_registers(address, count, answer + FRAME_HEAD, &size);
        break;
    case 5:
    case 6:
        memcpy(answer + FRAME_HEAD, data, 4);
        wrong = write_one(function, data, address);
        break;
    case 15:
    case 16:
        memcpy(answer + FRAME_HEAD, data, 4);
        wrong = write_many(function, data, length - FRAME_HEAD, address, count);
        break;
    default:
        wrong = ILLEGAL_FUNCTION;
    }
    if (wrong) {
        counters.exceptions++;
        answer[7] = function | 0x80;
        answer[8] = wrong;
        size = 1;
    }
    put_word(answer + 4, 2 + size);
    return FRAME_HEAD + size;
}
