#pragma once

#include <stdint.h>

/// Opens a path beneath a folder so that the kernel itself sees to it that no `..`, symbolic link or magic link leads out of the folder
/// (openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS). Swift cannot call `syscall`, which takes any number of arguments.
///
/// Returns the descriptor, or the negated errno; -ENOSYS where the kernel does not know the call.
int catapult_openat2_beneath(int folder, const char *path, uint64_t flags, uint64_t mode);
