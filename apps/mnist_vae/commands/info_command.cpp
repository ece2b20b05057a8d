// `mnist_vae info`: what this program is and what it runs on.
#include <unistd.h>

#include <string>

#include "../../../core/isa.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/version.hpp"
#include "../../common/console.hpp"
#include "commands.hpp"

namespace handgrad::apps::mnist_vae {

static std::string cache_size(int name) {
    const long bytes = sysconf(name);
    if (bytes <= 0) return "unknown";
    return bytes >= 1 << 20 ? std::to_string(bytes >> 20) + " MiB"
                            : std::to_string(bytes >> 10) + " KiB";
}

void run_info() {
    std::string isas;
    for (Isa isa : supported_isas())
        isas += (isas.empty() ? "" : ", ") + std::string(isa_name(isa));
    print("mnist_vae          " + std::string(version().text) +
          "\ncompiler           " __VERSION__ "\nbuild              " HANDGRAD_BUILD
          "\ninstruction sets   " +
          isas + "\nchosen             " + isa_name(active_isa()) +
          " (HANDGRAD_ISA chooses another)"
          "\nthreads            " +
          std::to_string(thread_count()) + "\nL1 data cache      " +
          cache_size(_SC_LEVEL1_DCACHE_SIZE) + "\nL2 cache           " +
          cache_size(_SC_LEVEL2_CACHE_SIZE) + "\nL3 cache           " +
          cache_size(_SC_LEVEL3_CACHE_SIZE) + "\n");
}

}  // namespace handgrad::apps::mnist_vae
