#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int catapult_openat2_beneath(int folder, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long descriptor;
    do {
        descriptor = syscall(SYS_openat2, folder, path, &how, sizeof how);
        // EAGAIN: something was renamed on the way, so that the kernel could not be sure; it wants to be asked again.
    } while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
    return descriptor < 0 ? -errno : (int)descriptor;
}
