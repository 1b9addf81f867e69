/* The reaction bench's plant: a Modbus TCP PLC that is its own stopwatch.
 *
 * One thread, epoll, nothing but libc, so that its own cost stays far under any peer's. All is
 * measured here, on the server's side of the wire; no peer is instrumented.
 *
 * Commands on stdin, one a line; answers on stdout, one JSON object a line with its "event":
 *   steps N GAP_MIN GAP_MAX TIMEOUT   change the stimulus N times (ms); a "step" each, "steps_done"
 *   stop                              end the steps now                      -> steps_done
 *   mark                              counters and the time now              -> mark
 *   pace0, pace                       forget, tell the intervals of polls    -> -, pace
 *   when SEQUENCE                     when that reading was served           -> when
 *   delay MS                          answer every request later (slow PLC); 0: at once
 *   drop 0|1                          accept and never answer (hung PLC)
 *   reset                             close every connection (cable pulled)
 *   quit
 *
 * Usage: simulator PORT (0: any free one); prints {"event":"ready","port":N}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "modbus.h"
#include "stopwatch.h"

#define CLIENTS_MAX 64
#define DELAYED_MAX 1024
#define LISTENER 1000
#define COMMANDS 1001

struct client {
    int fd, count;
    uint8_t bytes[4096];
};
struct delayed {
    int64_t due;
    int fd, length;
    uint8_t frame[FRAME_MAX];
};

static struct client *clients[CLIENTS_MAX];
static struct delayed waiting[DELAYED_MAX]; /* in order: every answer has the same delay */
static int first_waiting, waiting_count;
static int poller, delay_ms;
static bool dropping;

static void watch(int fd, uint32_t id)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void hang_up(int id)
{
    for (int i = 0; i < waiting_count; i++) {
        struct delayed *each = &waiting[(first_waiting + i) % DELAYED_MAX];
        if (each->fd == clients[id]->fd)
            each->fd = -1;
    }
    close(clients[id]->fd);
    free(clients[id]);
    clients[id] = NULL;
}

static void reply(int fd, const uint8_t *frame, int length)
{
    if (fd >= 0 && send(fd, frame, length, MSG_NOSIGNAL) != length)
        shutdown(fd, SHUT_RDWR); /* its end is then read as any other hang-up */
}

static void serve(struct client *client, int length)
{
    uint8_t answer[FRAME_MAX];
    int answered = modbus_answer(client->bytes, length, answer);

    if (dropping)
        return;
    if (!delay_ms || waiting_count == DELAYED_MAX) {
        reply(client->fd, answer, answered);
        return;
    }
    struct delayed *last = &waiting[(first_waiting + waiting_count++) % DELAYED_MAX];
    last->due = now_ns() + delay_ms * 1000000LL;
    last->fd = client->fd;
    last->length = answered;
    memcpy(last->frame, answer, answered);
}

static void readable(int id)
{
    struct client *client = clients[id];
    int length, got = recv(client->fd, client->bytes + client->count,
                           sizeof client->bytes - client->count, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        hang_up(id);
        return;
    }
    client->count += got;
    while ((length = modbus_frame_length(client->bytes, client->count)) > 0
           && client->count >= length) {
        serve(client, length);
        memmove(client->bytes, client->bytes + length, client->count -= length);
    }
    if (length < 0)
        hang_up(id);
}

static void accept_client(int listener)
{
    int yes = 1, id = 0, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

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
    counters.connections++;
    watch(fd, id);
}

static void print_mark(void)
{
    printf("{\"event\":\"mark\",\"mono_ns\":%lld,\"sequence\":%u,\"reads\":%lu,\"requests\":%lu,"
           "\"exceptions\":%lu,\"coil_writes\":%lu,\"coil_redundant\":%lu,\"connections\":%lu}\n",
           (long long)now_ns(), counters.sequence, counters.reads, counters.requests,
           counters.exceptions, counters.coil_writes, counters.coil_redundant,
           counters.connections);
}

static bool obey(const char *line)
{
    int count, gap_min, gap_max, timeout;
    unsigned sequence;

    if (sscanf(line, "steps %d %d %d %d", &count, &gap_min, &gap_max, &timeout) == 4)
        stopwatch_begin(count, gap_min, gap_max, timeout);
    else if (sscanf(line, "when %u", &sequence) == 1)
        pace_when(sequence);
    else if (sscanf(line, "delay %d", &count) == 1)
        delay_ms = count;
    else if (sscanf(line, "drop %d", &count) == 1)
        dropping = count;
    else if (!strcmp(line, "stop"))
        stopwatch_stop();
    else if (!strcmp(line, "mark"))
        print_mark();
    else if (!strcmp(line, "pace0"))
        pace_clear();
    else if (!strcmp(line, "pace"))
        pace_report();
    else if (!strcmp(line, "reset")) {
        for (int id = 0; id < CLIENTS_MAX; id++)
            if (clients[id])
                hang_up(id);
    } else
        return strcmp(line, "quit") != 0;
    return true;
}

/* Whole lines only; false when stdin has ended or said quit. */
static bool commands(void)
{
    static char text[512];
    static int count;
    char *end;
    int got = read(0, text + count, sizeof text - 1 - count);

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    text[count += got] = 0;
    while ((end = strchr(text, '\n'))) {
        *end = 0;
        if (!obey(text))
            return false;
        count -= end + 1 - text;
        memmove(text, end + 1, count + 1);
    }
    return true;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&address, size) || listen(listener, CLIENTS_MAX)) {
        perror("simulator: cannot listen");
        exit(1);
    }
    getsockname(listener, (void *)&address, &size);
    printf("{\"event\":\"ready\",\"port\":%d}\n", ntohs(address.sin_port));
    return listener;
}

static void wait_for_events(struct epoll_event *events, int *count, int most)
{
    int64_t wakes = stopwatch_wakes(), left;

    if (waiting_count && waiting[first_waiting].due < wakes)
        wakes = waiting[first_waiting].due;
    left = wakes - now_ns();
    struct timespec wait = {left > 0 ? left / 1000000000LL : 0, left > 0 ? left % 1000000000LL : 0};
    *count = epoll_pwait2(poller, events, most, wakes == NEVER ? NULL : &wait, NULL);
}

int main(int argc, char **argv)
{
    struct epoll_event events[32];
    int count, listener;
    bool level;

    setvbuf(stdout, NULL, _IOLBF, 0);
    srand48(12345);
    poller = epoll_create1(0);
    listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    watch(listener, LISTENER);
    fcntl(0, F_SETFL, O_NONBLOCK);
    watch(0, COMMANDS);
    for (;;) {
        wait_for_events(events, &count, 32);
        for (int i = 0; i < count; i++) {
            uint32_t id = events[i].data.u32;
            if (id == LISTENER)
                accept_client(listener);
            else if (id == COMMANDS) {
                if (!commands())
                    return 0;
            } else if (clients[id])
                readable(id);
        }
        while (waiting_count && waiting[first_waiting].due <= now_ns()) {
            struct delayed *due = &waiting[first_waiting];
            reply(due->fd, due->frame, due->length);
            first_waiting = (first_waiting + 1) % DELAYED_MAX;
            waiting_count--;
        }
        if (stopwatch_turn(now_ns(), stimulus_is_high(), &level))
            stimulus_set(level);
    }
}
