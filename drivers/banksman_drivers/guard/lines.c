/* See lines.h for the rules. Kernel interface: Documentation/userspace-api/gpio/chardev.rst. */
#include "lines.h"

#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_LEVEL_READS 4096 /* a writer that never pauses must not hold up the start */

int64_t mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int request_line(const char *chip, struct gpio_v2_line_request *request)
{
    int chip_fd = open(chip, O_RDWR | O_CLOEXEC);
    if (chip_fd < 0)
        return -1;
    request->num_lines = 1;
    strcpy(request->consumer, "banksman-guard");
    int answer = ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, request);
    int error = errno;
    close(chip_fd);
    errno = error;
    if (answer < 0)
        return -1;
    fcntl(request->fd, F_SETFL, O_NONBLOCK);
    fcntl(request->fd, F_SETFD, FD_CLOEXEC);
    return request->fd;
}

int gpio_open_input(const char *chip, uint32_t offset)
{
    struct gpio_v2_line_request request = {.offsets = {offset}};
    request.config.flags = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING
        | GPIO_V2_LINE_FLAG_EDGE_FALLING | GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
    return request_line(chip, &request);
}

int gpio_open_output(const char *chip, uint32_t offset, int first_level)
{
    struct gpio_v2_line_request request = {.offsets = {offset}};
    request.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
    request.config.num_attrs = 1;
    request.config.attrs[0].mask = 1;
    request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    request.config.attrs[0].attr.values = first_level ? 1 : 0;
    return request_line(chip, &request);
}

int gpio_get(int fd)
{
    struct gpio_v2_line_values values = {.mask = 1};
    if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
        return -1;
    return (int)(values.bits & 1);
}

int gpio_set(int fd, int level)
{
    struct gpio_v2_line_values values = {.bits = level ? 1 : 0, .mask = 1};
    return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values);
}

int line_adopt(struct line *line, int fd, int is_gpio)
{
    struct stat status;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return -1;
    int flags = fcntl(own, F_GETFL);
    if (flags < 0 || fcntl(own, F_SETFL, flags | O_NONBLOCK) < 0 || fstat(own, &status) < 0) {
        int error = errno;
        close(own);
        errno = error;
        return -1;
    }
    *line = (struct line){
        .fd = own, .is_gpio = is_gpio, .device = status.st_dev, .inode = status.st_ino};
    return 0;
}

int line_alive(const struct line *line)
{
    struct stat status;
    if (fstat(line->fd, &status) < 0)
        return 0;
    return status.st_dev == line->device && status.st_ino == line->inode;
}

static void add_edge(struct reading *reading, int level, int64_t at_ns)
{
    reading->edges[reading->count++] = (struct edge){at_ns, level};
}

static void read_bytes(struct line *line, int64_t now_ns, struct reading *reading)
{
    char bytes[EDGES_AT_ONCE];
    ssize_t got = read(line->fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++) {
        int known = bytes[i] == '0' || bytes[i] == '1';
        reading->garbage += !known;
        add_edge(reading, known ? bytes[i] - '0' : LEVEL_UNKNOWN, now_ns);
    }
    if (got > 0 || (got < 0 && errno == EINTR))
        return;
    reading->drained = 1;
    if (got == 0 || errno != EAGAIN)
        add_edge(reading, LEVEL_UNKNOWN, now_ns);
}

/* A gap in line_seqno means that the kernel's buffer ran over and edges are lost: a closed
 * circuit has then been open in between, so the gap counts as unknown. */
static void read_edges(struct line *line, int64_t now_ns, struct reading *reading)
{
    struct gpio_v2_line_event events[EDGES_AT_ONCE];
    ssize_t got = read(line->fd, events, sizeof events);
    for (ssize_t i = 0; i < got / (ssize_t)sizeof events[0]; i++) {
        int64_t at_ns = (int64_t)events[i].timestamp_ns;
        if (events[i].line_seqno != line->line_seqno + 1) {
            reading->lost++;
            add_edge(reading, LEVEL_UNKNOWN, at_ns);
        }
        line->line_seqno = events[i].line_seqno;
        add_edge(reading, events[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE, at_ns);
    }
    if (got > 0 || (got < 0 && errno == EINTR))
        return;
    reading->drained = 1;
    if (got == 0 || errno != EAGAIN)
        add_edge(reading, LEVEL_UNKNOWN, now_ns);
}

void line_read(struct line *line, int64_t now_ns, struct reading *reading)
{
    reading->count = reading->drained = 0;
    reading->garbage = reading->lost = 0;
    if (line->is_gpio)
        read_edges(line, now_ns, reading);
    else
        read_bytes(line, now_ns, reading);
}

int line_first_level(struct line *line)
{
    if (line->is_gpio)
        return gpio_get(line->fd);
    int level = LEVEL_UNKNOWN;
    struct reading reading = {.drained = 0};
    for (int i = 0; i < FIRST_LEVEL_READS && !reading.drained; i++) {
        line_read(line, 0, &reading);
        if (reading.count > 0)
            level = reading.edges[reading.count - 1].level;
    }
    return level;
}

int line_write(const struct line *line, int level)
{
    if (line->is_gpio)
        return gpio_set(line->fd, level) < 0 ? errno : 0;
    if (!line_alive(line))
        return EBADF;
    char byte = level ? '1' : '0';
    ssize_t put;
    do
        put = write(line->fd, &byte, 1);
    while (put < 0 && errno == EINTR);
    return put < 0 ? errno : 0;
}
