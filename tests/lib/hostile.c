/* hostile.c - stands in for pdftotext in a case: what the "PDF" says, it does; then it tells as
 * text what it could. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *what, int could) {
    printf("%s%s\n", what, could ? "done" : "refused");
}

int main(int argc, char **argv) {
    char text[4096] = "";
    signal(SIGXFSZ, SIG_IGN);
    (void)!read(0, text, sizeof text - 1);
    /* 0 is the file, 1 and 2 are pipes; there is nothing else. */
    if (strstr(text, "try")) {
        const pid_t child = (pid_t)syscall(SYS_fork);
        if (child == 0)
            _exit(0);
        tell("fork", child > 0);
        tell("socket",
             socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
        tell("signal", kill(getppid(), 0) == 0);
        tell("trace", ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0);
        tell("write", open("/tmp/hostile", O_WRONLY | O_CREAT, 0600) >= 0 ||
                          open("/dev/shm/hostile", O_WRONLY | O_CREAT, 0600) >= 0);
        tell("shadow", open("/etc/passwd", O_RDONLY) >= 0);
        tell("neighbour", fcntl(3, F_GETFD) >= 0 || fcntl(4, F_GETFD) >= 0);
        tell("own", lseek(0, 0, SEEK_SET) == 0 && write(0, "x", 1) == 1);
        tell("memory", malloc((size_t)1 << 30) != NULL);
        printf("survived\n");
    }
    if (strstr(text, "nonce"))
        printf("nonce%ld\n", (long)getpid());
    if (strstr(text, "terminal"))
        printf("\033]0;owned\007 \033[2J rtl\xe2\x80\xaetxt.exe bell\007 \xff\xfe broken\n");
    while (strstr(text, "flood"))
        if (puts("floods floods floods floods floods floods floods floods floods floods") < 0)
            break;
    for (volatile unsigned long i = 0; strstr(text, "spin"); i++)
        ;
    if (strstr(text, "sleep")) {
        static int never;
        printf("sleeps\n");
        fflush(stdout);
        (void)close(1);
        (void)close(2);
        syscall(SYS_futex, &never, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    }
    if (strstr(text, "abort"))
        abort();
    fflush(stdout);
    fprintf(stderr, "argc %d %s\n", argc, argv[argc - 1]);
    return strstr(text, "fails") ? 1 : 0;
}
