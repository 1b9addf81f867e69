/* A Modbus server that nobody here wrote: libmodbus with ten holding registers of 100 times their
 * address plus 1, ten input registers, ten coils and ten discrete inputs. Unit 7.
 *     server tcp PORT      serves one connection after the other on 127.0.0.1
 *     server rtu DEVICE    115200 8N1
 * Prints "ready" when it listens. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 10

static void serve(modbus_t *ctx, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
        int size = modbus_receive(ctx, query);
        if (size == -1 && errno != EMBBADCRC)
            return;
        if (size > 0)
            modbus_reply(ctx, query, size, map);
    }
}

int main(int argc, char **argv)
{
    modbus_mapping_t *map = modbus_mapping_new(COUNT, COUNT, COUNT, COUNT);
    if (argc != 3 || map == NULL)
        return 2;
    for (int at = 0; at < COUNT; at++) {
        map->tab_registers[at] = (uint16_t) (100 * at + 1);
        map->tab_input_registers[at] = (uint16_t) (1000 + at);
        map->tab_input_bits[at] = at % 2;
    }
    if (strcmp(argv[1], "tcp") == 0) {
        modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[2]));
        int listening = modbus_tcp_listen(ctx, 1);
        if (listening == -1)
            return 3;
        puts("ready");
        fflush(stdout);
        for (;;) {
            if (modbus_tcp_accept(ctx, &listening) == -1)
                return 4;
            serve(ctx, map);
            modbus_close(ctx);
        }
    }
    modbus_t *ctx = modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    modbus_set_slave(ctx, 7);
    if (modbus_connect(ctx) == -1)
        return 3;
    puts("ready");
    fflush(stdout);
    for (;;)
        serve(ctx, map);
}
