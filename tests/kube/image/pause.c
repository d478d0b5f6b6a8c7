// The first process of a pod's sandbox, of a node and of the rig: waits for whoever is left to it, and ends when asked to.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    // Blocked, so that a signal that comes at once waits for sigwait: as process 1 of a namespace it would be lost otherwise.
    sigprocmask(SIG_BLOCK, &set, 0);
    for (;;) {
        if (sigwait(&set, &signal) != 0)
            return 1;
        if (signal != SIGCHLD)
            return 0;
        while (waitpid(-1, 0, WNOHANG) > 0)
            ;
    }
}
