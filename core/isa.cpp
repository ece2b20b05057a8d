#include "isa.hpp"

#include <cstdlib>
#include <vector>

#include "error.hpp"
#include "kernels/table.hpp"

namespace handgrad {

namespace {

struct Known {
    Isa isa;
    const char* name;
    const kernels::KernelTable* table;  // null where this build has none
};

const Known kKnown[] = {
    {Isa::scalar, "scalar", &kernels::scalar_kernels},
#if defined(__x86_64__)
    {Isa::sse2, "sse2", &kernels::sse2_kernels},       {Isa::avx2, "avx2", &kernels::avx2_kernels},
    {Isa::avx512, "avx512", &kernels::avx512_kernels}, {Isa::neon, "neon", nullptr},
#elif defined(__aarch64__)
    {Isa::sse2, "sse2", nullptr},
    {Isa::avx2, "avx2", nullptr},
    {Isa::avx512, "avx512", nullptr},
    {Isa::neon, "neon", &kernels::neon_kernels},
#else
    {Isa::sse2, "sse2", nullptr},
    {Isa::avx2, "avx2", nullptr},
    {Isa::avx512, "avx512", nullptr},
    {Isa::neon, "neon", nullptr},
#endif
};

const Known& known(Isa isa) { return kKnown[static_cast<int>(isa)]; }

// The compiler's own detection asks the operating system too whether it saves the wide registers.
bool processor_has(Isa isa) {
#if defined(__x86_64__)
    switch (isa) {
        case Isa::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Isa::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512cd");
        default:
            break;
    }
#endif
    return known(isa).table != nullptr;
}

std::string names_of(std::span<const Isa> isas) {
    std::string names;
    for (Isa isa : isas) names += (names.empty() ? "" : ", ") + std::string(isa_name(isa));
    return names;
}

const kernels::KernelTable& initial_kernels() {
    const char* forced = std::getenv("HANDGRAD_ISA");
    if (forced == nullptr || *forced == '\0') return *known(supported_isas().back()).table;
    try {
        return kernel_table(isa_from_name(forced));
    } catch (const Error& e) {
        throw Error(e.kind(), "environment variable HANDGRAD_ISA", "no such instruction set here",
                    e.found(), e.expected());
    }
}

const kernels::KernelTable* g_active = nullptr;

}  // namespace

const char* isa_name(Isa isa) { return known(isa).name; }

Isa isa_from_name(std::string_view name) {
    std::vector<Isa> all;
    for (const Known& k : kKnown) {
        if (name == k.name) return k.isa;
        all.push_back(k.isa);
    }
    throw Error(ErrorKind::argument, "isa_from_name", "unknown instruction set", std::string(name),
                "one of " + names_of(all));
}

bool isa_supported(Isa isa) { return known(isa).table != nullptr && processor_has(isa); }

std::span<const Isa> supported_isas() {
    static const std::vector<Isa> supported = [] {
        std::vector<Isa> found;
        for (const Known& k : kKnown)
            if (isa_supported(k.isa)) found.push_back(k.isa);
        return found;
    }();
    return supported;
}

const kernels::KernelTable& kernel_table(Isa isa) {
    if (!isa_supported(isa))
        throw Error(ErrorKind::argument, "kernel_table",
                    "instruction set not supported by this processor or build", isa_name(isa),
                    "one of " + names_of(supported_isas()));
    return *known(isa).table;
}

const kernels::KernelTable& active_kernels() {
    if (g_active == nullptr) g_active = &initial_kernels();
    return *g_active;
}

Isa active_isa() { return active_kernels().isa; }

void select_isa(Isa isa) { g_active = &kernel_table(isa); }

}  // namespace handgrad
