#include "communicator.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

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

// The first of these variables that holds a number. Open MPI sets the first, MPICH and its kin the
// second.
int read_number(const char* open_mpi, const char* mpich, int otherwise) {
    for (const char* name : {open_mpi, mpich})
        if (const char* value = std::getenv(name)) {
            char* end = nullptr;
            const long number = std::strtol(value, &end, 10);
            if (end != value && *end == '\0' && number >= 0 && number < 1 << 30)
                return static_cast<int>(number);
        }
    return otherwise;
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

static int launched_ranks() { return read_number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", 1); }

int launched_rank() { return read_number("OMPI_COMM_WORLD_RANK", "PMI_RANK", 0); }

std::unique_ptr<Communicator> connect_ranks() {
    // Alone, MPI would only take its time to start.
    if (launched_ranks() == 1) return std::make_unique<OneRank>();
    return detail::connect_mpi();
}

}  // namespace handgrad
