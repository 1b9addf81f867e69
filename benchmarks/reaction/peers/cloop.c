/* The physical limit: libmodbus and libmosquitto in one loop, with a queue in memory only. */
#include <modbus.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THRESHOLD 500

static int setting(const char *name) { return atoi(getenv(name)); }

static void *talk_to_broker(void *broker)
{
    while (mosquitto_connect(broker, "127.0.0.1", setting("MQTT_PORT"), 30))
        sleep(1);
    mosquitto_loop_forever(broker, -1, 1);
    return NULL;
}

static void wait_for_next(struct timespec *next, int poll_ms)
{
    next->tv_nsec += poll_ms * 1000000L;
    while (next->tv_nsec >= 1000000000L) {
        next->tv_nsec -= 1000000000L;
        next->tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int main(void)
{
    int poll_ms = setting("POLL_MS"), count = setting("NREGS"), coil = -1;
    uint16_t registers[125];
    struct timespec next;
    pthread_t thread;

    mosquitto_lib_init();
    struct mosquitto *broker = mosquitto_new("cloop", true, NULL);
    mosquitto_reconnect_delay_set(broker, 1, 2, false);
    mosquitto_max_inflight_messages_set(broker, 100);
    mosquitto_threaded_set(broker, true);
    pthread_create(&thread, NULL, talk_to_broker, broker);

    modbus_t *plc = modbus_new_tcp("127.0.0.1", setting("MB_PORT"));
    modbus_set_error_recovery(plc, MODBUS_ERROR_RECOVERY_LINK);
    modbus_connect(plc);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;; wait_for_next(&next, poll_ms)) {
        if (modbus_read_registers(plc, 0, count, registers) != count)
            continue;
        int wanted = registers[2] > THRESHOLD;
        if (wanted != coil && modbus_write_bit(plc, 0, wanted) == 1)
            coil = wanted;
        char text[64];
        int length = snprintf(text, sizeof text, "{\"seq\":%u,\"value\":%u}",
                              registers[0] | (unsigned)registers[1] << 16, registers[2]);
        mosquitto_publish(broker, NULL, "edge/reading", length, text, 1, false);
    }
}
