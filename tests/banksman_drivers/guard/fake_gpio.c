/* A GPIO chip for LD_PRELOAD: it speaks the kernel's v2 character device at the ioctl boundary.
 *
 * open("/dev/gpiochip-fake") gives a chip. A line request connects to the socket LINE.sock in
 * $FAKE_GPIO and tells the test "flags attr_id attr_values\n"; that socket becomes the line's fd,
 * so edge events are what the test writes into it. Levels are read from LINE.level; levels set
 * are sent as '0' or '1'. A line without a socket is busy.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (strcmp(path, "/dev/gpiochip-fake") == 0)
        return dup(STDERR_FILENO); /* any descriptor will do: requests carry the line's number */
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

static int request_line(struct gpio_v2_line_request *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%u.sock", getenv("FAKE_GPIO"),
             request->offsets[0]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        errno = EBUSY;
        return -1;
    }
    struct gpio_v2_line_attribute *attr = &request->config.attrs[0].attr;
    dprintf(fd, "%llu %u %llu\n", request->config.flags, attr->id, attr->values);
    request->fd = fd;
    return 0;
}

/* The line is named by the socket that its descriptor, or a copy of it, is connected to. */
static int get_level(int fd, struct gpio_v2_line_values *values)
{
    struct sockaddr_un peer = {0};
    socklen_t size = sizeof peer;
    char path[200] = "", level = '?';
    if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
        snprintf(path, sizeof path, "%.*s.level", (int)strlen(peer.sun_path) - 5, peer.sun_path);
    int file = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(file, &level, 1);
    close(file);
    if (got != 1) {
        errno = ENODEV; /* the chip was unplugged */
        return -1;
    }
    values->bits = level == '1';
    return 0;
}

int ioctl(int fd, unsigned long command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == GPIO_V2_GET_LINE_IOCTL)
        return request_line(argument);
    if (command == GPIO_V2_LINE_GET_VALUES_IOCTL)
        return get_level(fd, argument);
    if (command == GPIO_V2_LINE_SET_VALUES_IOCTL) {
        char level = ((struct gpio_v2_line_values *)argument)->bits & 1 ? '1' : '0';
        return send(fd, &level, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
    }
    int (*real)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, command, argument);
}
