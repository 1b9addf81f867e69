/* A V4L2 camera for LD_PRELOAD: $FAKE_V4L2/video, at the ioctl boundary of linux/videodev2.h.
 *
 * Its descriptor is a timer, so poll and select on it are the kernel's own: it is readable when a
 * frame is due. Frames are YUYV and differ; their stamps are CLOCK_MONOTONIC, as uvcvideo's are,
 * and 100 ms old, as of a camera that takes long to send.
 * It takes YUYV only, at most 640 x 480, and has exposure and white balance, but no gain.
 *
 *   $FAKE_V4L2/log      what was asked: "format w h", "fps n", "control id value", "stream on|off"
 *   $FAKE_V4L2/stall    no frame comes any more; opened while it is there, none at all
 *   $FAKE_V4L2/skip     one frame that is due is taken and lost, and the file goes
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 16, STRIDE = 1 << 20 };

struct control { uint32_t id; int low, high, value; };
static struct control controls[] = {
    {V4L2_CID_EXPOSURE_AUTO, 0, 3, 3},
    {V4L2_CID_EXPOSURE_ABSOLUTE, 3, 2047, 250},
    {V4L2_CID_AUTO_WHITE_BALANCE, 0, 1, 1},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, 2800, 6500, 4000},
};

static struct {
    int fd, streaming;
    unsigned width, height, fps, count, sequence;
    uint8_t *memory[BUFFERS];
    unsigned queue[BUFFERS], queued;
} camera = {.fd = -1, .width = 640, .height = 480, .fps = 30};

static const char *beside(const char *name, char *path)
{
    snprintf(path, 256, "%s/%s", getenv("FAKE_V4L2"), name);
    return path;
}

static int is_there(const char *name)
{
    char path[256];
    return access(beside(name, path), F_OK) == 0;
}

static void say(const char *format, ...)
{
    char path[256];
    FILE *log = fopen(beside("log", path), "a");
    va_list rest;
    va_start(rest, format);
    vfprintf(log, format, rest);
    va_end(rest);
    fclose(log);
}

static int open_camera(const char *path)
{
    char own[256];
    if (getenv("FAKE_V4L2") == NULL || strcmp(path, beside("video", own)) != 0)
        return -2;
    camera.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    camera.streaming = 0;
    return camera.fd;
}

#define OPEN(name)                                                                             \
    int name(const char *path, int flags, ...)                                                 \
    {                                                                                          \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        int mode = va_arg(rest, int);                                                          \
        va_end(rest);                                                                          \
        int fd = open_camera(path);                                                            \
        if (fd != -2)                                                                          \
            return fd;                                                                         \
        int (*real)(const char *, int, ...) =                                                  \
            (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);                          \
        return real(path, flags, mode);                                                        \
    }
OPEN(open)
OPEN(open64)

#define MMAP(name, offset_type)                                                                \
    void *name(void *address, size_t length, int protection, int flags, int fd, offset_type at) \
    {                                                                                          \
        void *(*real)(void *, size_t, int, int, int, offset_type) =                            \
            (void *(*)(void *, size_t, int, int, int, offset_type))dlsym(RTLD_NEXT, #name);    \
        if (fd < 0 || fd != camera.fd)                                                         \
            return real(address, length, protection, flags, fd, at);                           \
        int both = PROT_READ | PROT_WRITE;                                                     \
        void *memory = real(NULL, length, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);           \
        camera.memory[at / STRIDE] = memory;                                                   \
        return memory;                                                                         \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

static void pace(int on)
{
    long period_ns = on ? 1000000000L / camera.fps : 0;
    struct itimerspec spec = {{0, period_ns}, {0, period_ns}};
    timerfd_settime(camera.fd, 0, &spec, NULL);
}

static int fail(int code)
{
    errno = code;
    return -1;
}

static void fill_format(struct v4l2_format *format)
{
    memset(&format->fmt, 0, sizeof format->fmt);
    format->fmt.pix = (struct v4l2_pix_format){
        .width = camera.width,
        .height = camera.height,
        .pixelformat = V4L2_PIX_FMT_YUYV,
        .field = V4L2_FIELD_NONE,
        .bytesperline = camera.width * 2,
        .sizeimage = camera.width * camera.height * 2,
    };
}

static int set_format(struct v4l2_format *format)
{
    camera.width = format->fmt.pix.width < 640 ? format->fmt.pix.width : 640;
    camera.height = format->fmt.pix.height < 480 ? format->fmt.pix.height : 480;
    fill_format(format);
    say("format %u %u\n", camera.width, camera.height);
    return 0;
}

static int set_pace(struct v4l2_streamparm *parm)
{
    struct v4l2_fract *period = &parm->parm.capture.timeperframe;
    if (period->denominator > 0 && period->numerator > 0)
        camera.fps = period->denominator / period->numerator;
    say("fps %u\n", camera.fps);
    return 0;
}

static struct control *find_control(uint32_t id)
{
    for (unsigned at = 0; at < sizeof controls / sizeof *controls; at++)
        if (controls[at].id == id)
            return &controls[at];
    return NULL;
}

static int query_control(struct v4l2_queryctrl *query)
{
    struct control *found = find_control(query->id);
    if (found == NULL)
        return fail(EINVAL);
    query->minimum = found->low;
    query->maximum = found->high;
    query->step = 1;
    return 0;
}

static int use_control(struct v4l2_control *wish, int set)
{
    struct control *found = find_control(wish->id);
    if (found == NULL)
        return fail(EINVAL);
    if (set) {
        int value = wish->value < found->low ? found->low : wish->value;
        found->value = value > found->high ? found->high : value;
        say("control %u %d\n", wish->id, wish->value);
    }
    wish->value = found->value;
    return 0;
}

static int dequeue(struct v4l2_buffer *buffer)
{
    uint64_t due = 0;
    if (camera.queued == 0 || read(camera.fd, &due, sizeof due) != sizeof due)
        return fail(EAGAIN);
    char path[256];
    if (unlink(beside("skip", path)) == 0) {
        camera.sequence++;
        return fail(EAGAIN);
    }
    if (is_there("stall"))
        pace(0); /* this frame was ready; no more are */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t stamp_us = now.tv_sec * 1000000LL + now.tv_nsec / 1000 - 100000;
    unsigned index = camera.queue[0];
    memmove(camera.queue, camera.queue + 1, --camera.queued * sizeof *camera.queue);
    uint8_t *at = camera.memory[index];
    for (unsigned pixel = 0; pixel < camera.width * camera.height; pixel++) {
        at[2 * pixel] = (uint8_t)(pixel + 7 * camera.sequence);
        at[2 * pixel + 1] = 128;
    }
    buffer->index = index;
    buffer->bytesused = buffer->length = camera.width * camera.height * 2;
    buffer->flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->sequence = camera.sequence++;
    buffer->timestamp = (struct timeval){stamp_us / 1000000, stamp_us % 1000000};
    return 0;
}

static int answer(unsigned long request, void *argument)
{
    struct v4l2_buffer *buffer = argument;
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *can = argument;
        memset(can, 0, sizeof *can);
        strcpy((char *)can->driver, "fake");
        can->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_G_FMT: fill_format(argument); return 0;
    case VIDIOC_S_FMT: return set_format(argument);
    case VIDIOC_S_PARM: return set_pace(argument);
    case VIDIOC_G_PARM: {
        struct v4l2_streamparm *parm = argument;
        parm->parm.capture.timeperframe = (struct v4l2_fract){1, camera.fps};
        return 0;
    }
    case VIDIOC_QUERYCTRL: return query_control(argument);
    case VIDIOC_G_CTRL: return use_control(argument, 0);
    case VIDIOC_S_CTRL: return use_control(argument, 1);
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wish = argument;
        camera.count = wish->count = wish->count > BUFFERS ? BUFFERS : wish->count;
        camera.queued = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF:
        buffer->length = camera.width * camera.height * 2;
        buffer->m.offset = buffer->index * STRIDE;
        return 0;
    case VIDIOC_QBUF:
        if (camera.queued < BUFFERS)
            camera.queue[camera.queued++] = buffer->index;
        return 0;
    case VIDIOC_DQBUF: return dequeue(buffer);
    case VIDIOC_STREAMON:
        say("stream on\n");
        pace(!is_there("stall"));
        return 0;
    case VIDIOC_STREAMOFF:
        say("stream off\n");
        pace(0);
        return 0;
    default: return fail(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == camera.fd)
        return answer(request, argument);
    int (*real)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
