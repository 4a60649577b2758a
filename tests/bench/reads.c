/* What does the kernel take for reading one procfs file of many processes? The bound that no poller can beat.
 * reads MODE FILE ROUNDS <pids: MODE `open` opens, reads and closes each time, `hold` keeps the descriptors and preads.
 * Prints the CPU nanoseconds of each round. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 20000 };
static char paths[MOST][64];
static int held[MOST];

static long long cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static unsigned long long look(int number, int hold)
{
    char text[4096], *end;
    int file = hold ? held[number] : open(paths[number], O_RDONLY | O_CLOEXEC);
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    if (!hold)
        close(file);
    if (length <= 0)
        exit(1);
    text[length] = 0;
    unsigned long long size = strtoull(text, &end, 10);
    return size + strtoull(end, &end, 10);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int hold = strcmp(argv[1], "hold") == 0, rounds = atoi(argv[3]), count = 0, pid;
    unsigned long long sum = 0;
    while (count < MOST && scanf("%d", &pid) == 1) {
        snprintf(paths[count], sizeof paths[count], "/proc/%d/%s", pid, argv[2]);
        if (hold && (held[count] = open(paths[count], O_RDONLY | O_CLOEXEC)) < 0)
            return 1;
        count++;
    }
    for (int round = 0; round < rounds; round++) {
        long long before = cpu_now();
        for (int number = 0; number < count; number++)
            sum += look(number, hold);
        printf("%lld\n", cpu_now() - before);
    }
    return sum == 0; /* keeps the compiler from dropping the work */
}
