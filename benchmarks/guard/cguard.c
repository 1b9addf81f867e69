/* The guard's peer: a plain process of its own that answers an edge by poll, read and write.
 *
 *   cguard IN OUT PRIORITY     copies each byte of the FIFO IN to the FIFO OUT
 *
 * It runs under SCHED_FIFO with the guard's priority where that is allowed, with its memory
 * locked: what one would write if nothing else had to live in the process.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: cguard IN OUT PRIORITY\n");
        return 2;
    }
    struct sched_param wanted = {.sched_priority = atoi(argv[3])};
    struct pollfd in = {.fd = open(argv[1], O_RDONLY | O_NONBLOCK), .events = POLLIN};
    int out = open(argv[2], O_RDWR | O_NONBLOCK);
    if (in.fd < 0 || out < 0) {
        perror("cguard");
        return 1;
    }
    mlockall(MCL_CURRENT | MCL_FUTURE);
    int realtime = wanted.sched_priority > 0 && sched_setscheduler(0, SCHED_FIFO, &wanted) == 0;
    printf("%s\n", realtime ? "fifo" : "other");
    fflush(stdout);
    while (poll(&in, 1, -1) >= 0) {
        char byte;
        ssize_t got = read(in.fd, &byte, 1);
        if (got == 1 && write(out, &byte, 1) != 1)
            return 1;
        if (got == 0)
            return 0; /* the stopwatch is done */
    }
    return 1;
}
