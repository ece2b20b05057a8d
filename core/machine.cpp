#include "machine.hpp"

#include <unistd.h>

namespace handgrad {

static Index cache_bytes(int name, Index usual) {
    const long bytes = sysconf(name);
    return bytes > 0 ? Index(bytes) : usual;
}

Index l1_cache_bytes() { return cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10); }
Index l2_cache_bytes() { return cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20); }

}  // namespace handgrad
