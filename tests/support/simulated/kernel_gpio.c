/* A kernel's GPIO chip for LD_PRELOAD: /dev/gpiochip7, at the ioctl boundary of the v2 interface.
 *
 * What it knows lies in the folder $FAKE_GPIO, for the test to see and change:
 *
 *   N.level      '0' or '1'
 *   N.edges      a FIFO: the line's descriptor; the test writes struct gpio_v2_line_event into it
 *   N.busy       exists: the line belongs to somebody else, who is named in it
 *   N.flags      flags of the newest request
 *   N.lines      offsets of the request whose descriptor is N.edges
 *   unplugged    exists: the chip has gone
 *   log          a line for each request ("get N flags attribute values") and write ("set N level")
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
#include <unistd.h>

#define CHIP "/dev/gpiochip7"
#define LINES 32

static int open_of(const char *symbol, const char *path, int flags, int mode)
{
    int (*real)(const char *, int, ...) =
        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, symbol);
    return real(path, flags, mode);
}

/* openat is not ours, so the folder's files do not come back here. */
static int file(const char *name, int flags)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", getenv("FAKE_GPIO"), name);
    return openat(AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static int exists(const char *name)
{
    int fd = file(name, O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void read_text(const char *name, char *text, size_t size)
{
    int fd = file(name, O_RDONLY);
    ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
    text[got > 0 ? got : 0] = 0;
    if (fd >= 0)
        close(fd);
}

static void put(const char *name, int flags, const char *text)
{
    int fd = file(name, O_WRONLY | O_CREAT | flags);
    if (write(fd, text, strlen(text)) < 0)
        abort();
    close(fd);
}

static const char *of(unsigned line, const char *what)
{
    static _Thread_local char name[40];
    snprintf(name, sizeof name, "%u.%s", line, what);
    return name;
}

static int refused(int error)
{
    errno = error;
    return -1;
}

static int is_chip(const char *path)
{
    return strcmp(path, CHIP) == 0;
}

static int open_chip(const char *symbol, int flags)
{
    return exists("unplugged") ? refused(ENOENT) : open_of(symbol, "/dev/null", flags, 0);
}

#define OPEN(symbol)                                                                               \
    int symbol(const char *path, int flags, ...)                                                   \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        int mode = va_arg(rest, int);                                                              \
        va_end(rest);                                                                              \
        return is_chip(path) ? open_chip(#symbol, flags) : open_of(#symbol, path, flags, mode);    \
    }

#undef open64
OPEN(open)
OPEN(open64)

static int chip_info(struct gpiochip_info *info)
{
    *info = (struct gpiochip_info){.lines = LINES};
    strcpy(info->name, "gpiochip7");
    strcpy(info->label, "fake-soc");
    return 0;
}

static int line_info(struct gpio_v2_line_info *info)
{
    unsigned line = info->offset;
    char text[64];
    if (line >= LINES)
        return refused(EINVAL);
    *info = (struct gpio_v2_line_info){.offset = line, .flags = GPIO_V2_LINE_FLAG_INPUT};
    snprintf(info->name, sizeof info->name, "LINE%u", line);
    read_text(of(line, "flags"), text, sizeof text);
    if (*text)
        info->flags = strtoull(text, NULL, 10) | GPIO_V2_LINE_FLAG_USED;
    read_text(of(line, "busy"), info->consumer, sizeof info->consumer);
    if (*info->consumer)
        info->flags |= GPIO_V2_LINE_FLAG_USED;
    return 0;
}

static int request_line(struct gpio_v2_line_request *request)
{
    unsigned long long flags = request->config.flags;
    struct gpio_v2_line_attribute *attr = &request->config.attrs[0].attr;
    char text[300] = "", one[100];
    for (unsigned i = 0; i < request->num_lines; i++) {
        unsigned line = request->offsets[i];
        if (line >= LINES)
            return refused(EINVAL);
        if (exists(of(line, "busy")))
            return refused(EBUSY);
        snprintf(one, sizeof one, "get %u %llu %u %llu\n", line, flags,
                 request->config.num_attrs ? attr->id : 0,
                 request->config.num_attrs ? (unsigned long long)attr->values : 0);
        put("log", O_APPEND, one);
        snprintf(one, sizeof one, "%llu", flags);
        put(of(line, "flags"), O_TRUNC, one);
        if (flags & GPIO_V2_LINE_FLAG_OUTPUT)
            put(of(line, "level"), O_TRUNC, request->config.num_attrs && attr->values >> i & 1 ? "1" : "0");
        snprintf(one, sizeof one, "%u ", line);
        strcat(text, one);
    }
    put(of(request->offsets[0], "lines"), O_TRUNC, text);
    request->fd = file(of(request->offsets[0], "edges"), O_RDWR);
    return request->fd < 0 ? -1 : 0;
}

/* The lines of a request, named by the FIFO that is its descriptor. */
static int values(int fd, struct gpio_v2_line_values *wanted, int set)
{
    char link[40], path[300], text[300], *next = text;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    char *name = strrchr(path, '/');
    read_text(of(name ? strtoul(name + 1, NULL, 10) : LINES, "lines"), text, sizeof text);
    for (int i = 0; *next && *next != '\n'; i++) {
        unsigned line = strtoul(next, &next, 10);
        next += *next == ' ';
        if (!(wanted->mask >> i & 1))
            continue;
        char level[40];
        if (set) {
            put(of(line, "level"), O_TRUNC, wanted->bits >> i & 1 ? "1" : "0");
            snprintf(level, sizeof level, "set %u %d\n", line, (int)(wanted->bits >> i & 1));
            put("log", O_APPEND, level);
            continue;
        }
        read_text(of(line, "level"), level, sizeof level);
        wanted->bits = (wanted->bits & ~(1ull << i)) | (unsigned long long)(*level == '1') << i;
    }
    return 0;
}

int ioctl(int fd, unsigned long command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int is_gpio = (command >> 8 & 0xff) == 0xb4;
    if (is_gpio && exists("unplugged"))
        return refused(ENODEV);
    switch (command & 0xffffffff) {
    case GPIO_GET_CHIPINFO_IOCTL: return chip_info(argument);
    case GPIO_V2_GET_LINEINFO_IOCTL: return line_info(argument);
    case GPIO_V2_GET_LINE_IOCTL: return request_line(argument);
    case GPIO_V2_LINE_GET_VALUES_IOCTL: return values(fd, argument, 0);
    case GPIO_V2_LINE_SET_VALUES_IOCTL: return values(fd, argument, 1);
    }
    int (*real)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, command, argument);
}
