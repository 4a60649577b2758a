/* targets COUNT BYTES PREFIX: starts processes named PREFIX-00000 and so on that hold BYTES each and sleep; prints their
 * PIDs; ends them when its input closes.
 * A Python process holds ten megabytes before its first line: a thousand of them are too many for a desk machine. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void live(const char *prefix, int number, size_t bytes, int ready)
{
    char name[32]; /* the kernel keeps 15 characters */
    pid_t self = getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the parent be killed, nothing is left behind */
    snprintf(name, sizeof name, "%.9s-%05d", prefix, number);
    prctl(PR_SET_NAME, name);
    char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        _exit(1);
    madvise(block, bytes, MADV_NOHUGEPAGE); /* many small pages: the costly case for whoever walks them */
    for (size_t offset = 0; offset < bytes; offset += 4096)
        block[offset] = 1;
    if (write(ready, &self, sizeof self) != sizeof self)
        _exit(1);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    int count = argc == 4 ? atoi(argv[1]) : 0, ends[2];
    size_t bytes = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    if (count < 1 || bytes < 1 || pipe(ends) != 0)
        return 2;
    pid_t *pids = calloc(count, sizeof *pids);
    for (int number = 0; number < count; number++) {
        pids[number] = fork();
        if (pids[number] == 0) {
            close(ends[0]);
            fclose(stdout); /* or the reader of the PIDs would never see their end */
            live(argv[3], number, bytes, ends[1]);
        }
        if (pids[number] < 0)
            return 1;
    }
    close(ends[1]);
    for (int number = 0; number < count; number++) {
        pid_t pid;
        if (read(ends[0], &pid, sizeof pid) != sizeof pid)
            return 1;
    }
    for (int number = 0; number < count; number++)
        printf("%d\n", pids[number]);
    fclose(stdout);
    while (getchar() != EOF)
        ;
    for (int number = 0; number < count; number++)
        kill(pids[number], SIGKILL);
    while (wait(NULL) > 0)
        ;
    return 0;
}
