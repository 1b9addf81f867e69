/* Many Modbus TCP devices in one process, each on a port of its own, and the stopwatch of them all.
 *
 * One thread, epoll, nothing but libc, so that what serves costs a fraction of who asks. Every
 * device has holding registers 0 to 127; each reading of register 0 moves them all, so that no
 * "report on change" hides a value, and its time is kept: the poll's interval, seen on this side
 * of the wire.
 *
 *   poll     |      |      |         |    |      |
 *   interval  <----> <----> <-------> <-->          jitter = |interval - period|
 *
 * Commands on stdin, one a line; one JSON object a line on stdout:
 *   pace0                 forget the intervals and counters from now on
 *   pace PERIOD_US        polls, registers read, refusals, and the jitter's percentiles
 *   quit
 *
 * Usage: farm DEVICES; prints {"event":"ready","ports":[...]}. Any unit id is answered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_MAX 256
#define CLIENTS_MAX 512
#define REGISTERS 128
#define FRAME_MAX 300
#define INTERVALS_MAX 1000000
#define COMMANDS 0xffffffffu
#define LISTENER 0x10000u

struct device {
    uint32_t sequence;
    int64_t polled; /* 0: not since the intervals were forgotten */
};
struct client {
    int fd, count;
    struct device *device;
    uint8_t bytes[2048];
};

static struct device devices[DEVICES_MAX];
static int listeners[DEVICES_MAX];
static struct client *clients[CLIENTS_MAX];
static float intervals_us[INTERVALS_MAX];
static int intervals, poller;
static uint64_t polls, registers_read, refused;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int word(const uint8_t *at) { return at[0] << 8 | at[1]; }

static void put_word(uint8_t *at, int value)
{
    at[0] = value >> 8;
    at[1] = value;
}

static void polled(struct device *device)
{
    int64_t now = now_ns();

    if (device->polled && intervals < INTERVALS_MAX)
        intervals_us[intervals++] = (now - device->polled) / 1000.0f;
    device->polled = now;
    device->sequence++;
    polls++;
}

/* Functions 3 and 4; all else is refused. Returns the length of the whole answer. */
static int answer_of(struct device *device, const uint8_t *request, uint8_t *answer)
{
    int function = request[7], first = word(request + 8), count = word(request + 10), size;

    memcpy(answer, request, 8);
    if ((function == 3 || function == 4) && count >= 1 && count <= 125
        && first + count <= REGISTERS) {
        if (first == 0)
            polled(device);
        registers_read += count;
        answer[8] = count * 2;
        for (int i = 0; i < count; i++)
            put_word(answer + 9 + 2 * i, (device->sequence + (first + i) * 7) % 500);
        size = 1 + count * 2;
    } else {
        refused++;
        answer[7] |= 0x80;
        answer[8] = function == 3 || function == 4 ? 2 : 1;
        size = 1;
    }
    put_word(answer + 4, 2 + size);
    return 8 + size;
}

static void watch(int fd, uint32_t id)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void hang_up(int id)
{
    close(clients[id]->fd);
    free(clients[id]);
    clients[id] = NULL;
}

static void readable(int id)
{
    struct client *client = clients[id];
    uint8_t answer[FRAME_MAX];
    int got = recv(client->fd, client->bytes + client->count,
                   sizeof client->bytes - client->count, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        hang_up(id);
        return;
    }
    client->count += got;
    while (client->count >= 6) {
        int length = 6 + word(client->bytes + 4);
        if (length < 12 || length > FRAME_MAX) {
            hang_up(id);
            return;
        }
        if (client->count < length)
            return;
        int answered = answer_of(client->device, client->bytes, answer);
        client->count -= length;
        memmove(client->bytes, client->bytes + length, client->count);
        if (send(client->fd, answer, answered, MSG_NOSIGNAL) != answered) {
            hang_up(id);
            return;
        }
    }
}

static void accept_client(int number)
{
    int yes = 1, id = 0, fd = accept4(listeners[number], NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
        return;
    while (id < CLIENTS_MAX && clients[id])
        id++;
    if (id == CLIENTS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    clients[id] = calloc(1, sizeof **clients);
    clients[id]->fd = fd;
    clients[id]->device = &devices[number];
    watch(fd, id);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void report(double period_us)
{
    int count = intervals;

    for (int i = 0; i < count; i++) {
        double late = intervals_us[i] - period_us;
        intervals_us[i] = late < 0 ? -late : late;
    }
    qsort(intervals_us, count, sizeof *intervals_us, ascending);
    printf("{\"event\":\"pace\",\"polls\":%llu,\"registers\":%llu,\"refused\":%llu,"
           "\"intervals\":%d,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           (unsigned long long)polls, (unsigned long long)registers_read,
           (unsigned long long)refused, count, count ? intervals_us[count / 2] : -1.0,
           count ? intervals_us[(int)(count * 0.99)] : -1.0,
           count ? intervals_us[count - 1] : -1.0);
}

static void forget(void)
{
    intervals = 0;
    polls = registers_read = refused = 0;
    for (int i = 0; i < DEVICES_MAX; i++)
        devices[i].polled = 0;
    puts("{\"event\":\"pace0\"}");
}

/* False when stdin has ended or said quit. */
static int commands(void)
{
    static char text[256];
    static int count;
    char *end;
    double period_us;
    int got = read(0, text + count, sizeof text - 1 - count);

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    text[count += got] = 0;
    while ((end = strchr(text, '\n'))) {
        *end = 0;
        if (!strcmp(text, "pace0"))
            forget();
        else if (sscanf(text, "pace %lf", &period_us) == 1) {
            report(period_us);
            forget(); /* what was reported is no longer in order */
        }
        else
            return 0;
        count -= end + 1 - text;
        memmove(text, end + 1, count + 1);
    }
    return 1;
}

static int listen_anywhere(int number)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    listeners[number] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listeners[number], (void *)&address, size) || listen(listeners[number], 16)) {
        perror("farm: cannot listen");
        exit(1);
    }
    getsockname(listeners[number], (void *)&address, &size);
    watch(listeners[number], LISTENER + number);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];
    int wanted = argc > 1 ? atoi(argv[1]) : 1;

    if (wanted < 1 || wanted > DEVICES_MAX)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    poller = epoll_create1(0);
    printf("{\"event\":\"ready\",\"ports\":[");
    for (int i = 0; i < wanted; i++)
        printf("%s%d", i ? "," : "", listen_anywhere(i));
    puts("]}");
    fcntl(0, F_SETFL, O_NONBLOCK);
    watch(0, COMMANDS);
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            uint32_t id = events[i].data.u32;
            if (id == COMMANDS) {
                if (!commands())
                    return 0;
            } else if (id >= LISTENER)
                accept_client(id - LISTENER);
            else if (clients[id])
                readable(id);
        }
    }
}
