/* One line of the outside world: a GPIO line (character device v2) or any fd of bytes.
 *
 * Rules of this file
 * - It moves levels between fds and numbers; what a level means is core.c's business.
 * - Nothing here blocks, except a GPIO chip that sits behind a slow bus (use the SoC's own).
 * - End of file, hang-up, an error or a byte that is neither '0' nor '1' is LEVEL_UNKNOWN.
 * - Direction and first level of a GPIO output are one request, so that no output blips.
 */
#ifndef BANKSMAN_GUARD_LINES_H
#define BANKSMAN_GUARD_LINES_H

#include <stdint.h>
#include <sys/stat.h>

#define EDGES_AT_ONCE 64 /* of one input, before the others get their turn */

struct line {
    int fd;
    int is_gpio;
    dev_t device; /* who stands behind fd: it may be closed and reused underneath us */
    ino_t inode;
    uint32_t line_seqno;
};

struct edge {
    int64_t at_ns;
    int level;
};

struct reading {
    struct edge edges[EDGES_AT_ONCE * 2]; /* a lost edge adds an unknown before the known one */
    int count;
    int drained; /* nothing more to read for now */
    unsigned garbage, lost;
};

int64_t mono_ns(void);

/* Both return an fd, or -1 with errno set. Inputs get a pull-down: a loose wire reads open. */
int gpio_open_input(const char *chip, uint32_t offset);
int gpio_open_output(const char *chip, uint32_t offset, int first_level);
int gpio_get(int fd); /* 0, 1, or -1 with errno set */
int gpio_set(int fd, int level);

/* Keeps a copy of fd, which stays the caller's; -1 with errno set. */
int line_adopt(struct line *line, int fd, int is_gpio);
int line_alive(const struct line *line);
/* Reads what is there; bytes carry `now_ns`, GPIO edges the kernel's own time. */
void line_read(struct line *line, int64_t now_ns, struct reading *reading);
int line_first_level(struct line *line);
int line_write(const struct line *line, int level); /* 0, or errno */

#endif
