#include "communicator.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "error.hpp"

namespace handgrad {

namespace {

class OneRank : public Communicator {
  public:
    int rank() const override { return 0; }
    int size() const override { return 1; }
    void exchange(std::span<const Outgoing>, std::span<const Incoming>) override {}
    void broadcast(std::span<std::byte>, int) override {}
    void barrier() override {}
    void abandon() override {}
};

// The variables that a launcher sets for every process: numbers, and a way back to it, of which one
// is enough. Numbers alone are what somebody set, or what is left over in a shell.
struct Launcher {
    const char* size;
    const char* rank;
    const char* way_back[3];
};

constexpr Launcher kOpenMpi = {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", {"PMIX_NAMESPACE"}};
// MPICH and its kin, and Slurm.
constexpr const char* kDescriptor = "PMI_FD";  // an open one
constexpr Launcher kMpich = {"PMI_SIZE", "PMI_RANK", {kDescriptor, "PMI_PORT", "PMI_CONTROL_PORT"}};

// -1 if it holds no number from 0 on.
int read_number(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr) return -1;
    int number = 0;
    const char* const end = value + std::strlen(value);
    const auto [stop, error] = std::from_chars(value, end, number);
    return error == std::errc() && stop == end && number >= 0 ? number : -1;
}

bool leads_back(const char* name) {
    const char* const value = name == nullptr ? nullptr : std::getenv(name);
    if (value == nullptr || *value == '\0') return false;
    return name != kDescriptor || fcntl(read_number(name), F_GETFD) != -1;
}

// What the first launcher tells that gave a size.
struct Launch {
    int size = 1, rank = 0;
    const char* variable = "";  // that has the size
    bool is_certain = false;    // size, rank and a way back: this is one process of several
};

Launch find_launch() {
    for (const Launcher& launcher : {kOpenMpi, kMpich}) {
        const int size = read_number(launcher.size), rank = read_number(launcher.rank);
        if (size < 1) continue;
        const bool is_certain =
            size > 1 && rank >= 0 && rank < size &&
            std::any_of(std::begin(launcher.way_back), std::end(launcher.way_back), leads_back);
        return {size, is_certain ? rank : 0, launcher.size, is_certain};
    }
    return {};
}

}  // namespace

Communicator& one_rank() {
    static OneRank alone;
    return alone;
}

bool any_rank(Communicator& ranks, bool flag) {
    if (ranks.size() == 1) return flag;
    std::vector<unsigned char> flags(std::size_t(ranks.size()));
    const std::span<unsigned char> all(flags);
    const std::size_t own = std::size_t(ranks.rank());
    flags[own] = flag ? 1 : 0;
    std::vector<Communicator::Outgoing> out;
    std::vector<Communicator::Incoming> in;
    for (int rank = 0; rank < ranks.size(); ++rank) {
        if (rank == ranks.rank()) continue;
        out.push_back({rank, bytes_of(all.subspan(own, 1))});
        in.push_back({rank, bytes_of(all.subspan(std::size_t(rank), 1))});
    }
    ranks.exchange(out, in);
    return std::count(flags.begin(), flags.end(), 0) < std::ssize(flags);
}

int launched_rank() { return find_launch().rank; }

std::unique_ptr<Communicator> connect_ranks() {
    const Launch launch = find_launch();
    // Alone, MPI would only take its time to start; otherwise it finds out itself.
    if (launch.size > 1)
        if (auto ranks = detail::connect_mpi()) return ranks;
    if (launch.is_certain)
        throw Error(ErrorKind::argument, "mpirun", "this build runs as one process",
                    std::to_string(launch.size) + ", by " + launch.variable,
                    "a build with -Dmpi=enabled");
    return std::make_unique<OneRank>();
}

}  // namespace handgrad
