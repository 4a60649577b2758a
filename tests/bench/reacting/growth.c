/* A thread that lets its process grow at a steady rate, and knows to the microsecond when a threshold was crossed.
 * It holds no interpreter lock, so what the program itself does neither slows nor stretches the growth.
 * Loaded by target.py. Times are CLOCK_MONOTONIC in nanoseconds, 0: not yet. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define STEP 250000L    /* nanoseconds between two pieces */
#define PIECE (1UL << 18) /* bytes */
#define MOST (1UL << 31) /* bytes of address space; only what is touched counts */
#define SIGNALS 65

static char *block;
static size_t touched;
static int statm = -1, meminfo = -1;
static pthread_t thread;
static volatile int running;
static volatile int64_t crossed, ended, arrived[SIGNALS];
static int64_t threshold, beyond, available;
static double rate;
static struct sigaction chained[SIGNALS];

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* The resident set as everybody else sees it. Source: proc_pid_statm(5), field 2. */
static int64_t resident(void)
{
    char text[256];
    ssize_t size = pread(statm, text, sizeof text - 1, 0);
    if (size <= 0)
        return 0;
    text[size] = 0;
    char *second = strchr(text, ' ');
    return second == NULL ? 0 : strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int64_t machine_available(void)
{
    char text[512];
    ssize_t size = pread(meminfo, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    char *line = strstr(text, "MemAvailable:");
    return line == NULL ? INT64_MAX : strtoll(line + 13, NULL, 10) * 1024;
}

static int is_over(void)
{
    return available ? machine_available() <= available : resident() >= threshold;
}

/* Touch pages at the rate, until `beyond` bytes after the crossing. */
static void *grow(void *unused)
{
    size_t page = sysconf(_SC_PAGESIZE), goal = SIZE_MAX, first = touched;
    int64_t began = now();
    prctl(PR_SET_TIMERSLACK, 1UL);
    while (running && touched < goal && touched < MOST) {
        size_t due = first + (size_t)((now() - began) / 1e9 * rate);
        /* Held up by others, it has much to catch up with: in small pieces, so that the crossing is not seen late. */
        while (touched < due && touched < goal && touched < MOST) {
            size_t end = due - touched < PIECE ? due : touched + PIECE;
            for (; touched < end; touched += page)
                block[touched] = 1;
            if (!crossed && is_over()) {
                crossed = now();
                goal = touched + beyond;
            }
        }
        struct timespec pause = {0, STEP};
        nanosleep(&pause, NULL);
    }
    ended = now();
    return unused;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    if (!arrived[number])
        arrived[number] = now();
    if (chained[number].sa_flags & SA_SIGINFO)
        chained[number].sa_sigaction(number, info, context);
    else
        chained[number].sa_handler(number);
}

/* Before the handler that is there now, note the time. */
int note_signal(int number)
{
    struct sigaction ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    return sigaction(number, &ours, &chained[number]);
}

int prepare(void)
{
    statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    block = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (statm < 0 || meminfo < 0 || block == MAP_FAILED)
        return -1;
    return madvise(block, MOST, MADV_NOHUGEPAGE); /* steps of 2 MB would be no steady growth */
}

/* Be this large before anything begins. */
void fill(int64_t size)
{
    for (size_t page = sysconf(_SC_PAGESIZE); resident() < size && touched < MOST; touched += page)
        block[touched] = 1;
}

/* The crossing is that of the own resident set; with `machine` bytes, of what the machine has available. */
int begin(double bytes_per_second, int64_t level, int64_t more, int64_t machine)
{
    rate = bytes_per_second, threshold = level, beyond = more, available = machine;
    crossed = ended = 0;
    memset((void *)arrived, 0, sizeof arrived);
    running = 1;
    return pthread_create(&thread, NULL, grow, NULL);
}

int64_t crossed_at(void) { return crossed; }
int64_t ended_at(void) { return ended; }
int64_t arrived_at(int number) { return arrived[number]; }

void give_back(int64_t size)
{
    running = 0;
    pthread_join(thread, NULL);
    madvise(block, touched, MADV_DONTNEED);
    touched = 0;
    fill(size);
}
