/* The stimulus and the clock: opens circuits in turn and times the answers.
 *
 *   stopwatch EDGES SEED PRIORITY NAME IN OUT RESET [NAME IN OUT RESET ...]
 *
 * For each peer: wait until its output is '1', wait a random moment, write '0', time until the
 * output is '0', then let it get ready again while the others have their turn. RESET is a FIFO
 * on which a button is pressed and released, or "-". Prints "NAME ns" a line for each edge.
 * It has a priority above all peers, so that its own wake-up is small and the same for all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PEERS_MAX 8
#define PATIENCE_MS 20000
#define PRESS_AGAIN_MS 200
#define PAUSE_MAX_NS 2000000 /* so that edges meet the load in every phase */

struct peer {
    const char *name;
    int in, out, reset;
    int64_t *took_ns;
};

static int64_t mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int open_or_die(const char *path, int mode)
{
    int fd = open(path, mode);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void put(int fd, char byte)
{
    if (write(fd, &byte, 1) != 1) {
        perror("stopwatch: write");
        exit(1);
    }
}

static void press_reset(const struct peer *peer)
{
    if (peer->reset >= 0) {
        put(peer->reset, '1');
        put(peer->reset, '0');
    }
}

/* Circuit and button are two lines: a press may be seen before the closing that came before it,
 * and is then refused. A person presses again, and so do we; none of it is timed. */
static void await(const struct peer *peer, char wanted)
{
    struct pollfd waiting = {.fd = peer->out, .events = POLLIN};
    for (int64_t end_ns = mono_ns() + PATIENCE_MS * 1000000LL; mono_ns() < end_ns;) {
        char byte;
        ssize_t got = read(peer->out, &byte, 1);
        if (got == 1 && byte == wanted)
            return;
        if (got == 1)
            continue;
        if (got == 0)
            usleep(1000); /* it has not opened its end yet */
        else if (poll(&waiting, 1, PRESS_AGAIN_MS) == 0 && wanted == '1')
            press_reset(peer);
    }
    fprintf(stderr, "stopwatch: %s fell silent waiting for %c\n", peer->name, wanted);
    exit(1);
}

static void time_one(const struct peer *peer, int edge)
{
    await(peer, '1');
    struct timespec pause = {.tv_nsec = (long)(drand48() * PAUSE_MAX_NS)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    int64_t from_ns = mono_ns();
    put(peer->in, '0');
    await(peer, '0');
    peer->took_ns[edge] = mono_ns() - from_ns;
    put(peer->in, '1');
    press_reset(peer);
}

int main(int argc, char **argv)
{
    struct peer peers[PEERS_MAX];
    int count = (argc - 4) / 4;
    if (argc < 8 || (argc - 4) % 4 != 0 || count > PEERS_MAX) {
        fprintf(stderr, "usage: stopwatch EDGES SEED PRIORITY NAME IN OUT RESET ...\n");
        return 2;
    }
    int edges = atoi(argv[1]);
    srand48(atol(argv[2]));
    for (int i = 0; i < count; i++) {
        char **words = argv + 4 + 4 * i;
        peers[i].name = words[0];
        peers[i].in = open_or_die(words[1], O_WRONLY);
        peers[i].out = open_or_die(words[2], O_RDONLY | O_NONBLOCK);
        peers[i].reset = strcmp(words[3], "-") == 0 ? -1 : open_or_die(words[3], O_WRONLY);
        peers[i].took_ns = calloc((size_t)edges, sizeof(int64_t));
        put(peers[i].in, '1');
        if (peers[i].reset >= 0)
            for (const char *press = "010"; *press; press++)
                put(peers[i].reset, *press);
    }
    mlockall(MCL_CURRENT | MCL_FUTURE);
    struct sched_param wanted = {.sched_priority = atoi(argv[3])};
    if (wanted.sched_priority > 0)
        sched_setscheduler(0, SCHED_FIFO, &wanted);
    for (int edge = 0; edge < edges; edge++)
        for (int i = 0; i < count; i++)
            time_one(&peers[i], edge);
    for (int edge = 0; edge < edges; edge++)
        for (int i = 0; i < count; i++)
            printf("%s %lld\n", peers[i].name, (long long)peers[i].took_ns[edge]);
    return 0;
}
