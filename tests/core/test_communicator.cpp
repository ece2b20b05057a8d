#include "../../core/communicator.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "../support/environment_variable.hpp"
#include "../support/thread_ranks.hpp"

using namespace handgrad;
using handgrad::test::EnvironmentVariable;
using handgrad::test::ThreadRanks;

TEST_CASE("communicator: alone there is one rank, and nothing to wait for") {
    const auto ranks = connect_ranks();
    CHECK(ranks->rank() == 0);
    CHECK(ranks->size() == 1);
    int value = 7;
    ranks->broadcast(bytes_of(value));
    ranks->exchange({}, {});
    ranks->barrier();
    ranks->abandon();
    CHECK(value == 7);
    CHECK_FALSE(any_rank(*ranks, false));
    CHECK(any_rank(*ranks, true));
    CHECK(one_rank().size() == 1);
    CHECK(launched_rank() == 0);
}

TEST_CASE("communicator: a rank's number is what the launcher says, if that is one") {
    for (const char* text : {"", "x", "3x", "-1", "1073741824"}) {
        CAPTURE(text);
        const EnvironmentVariable wrong("OMPI_COMM_WORLD_RANK", text);
        CHECK(launched_rank() == 0);
        const EnvironmentVariable right("PMI_RANK", "2");
        CHECK(launched_rank() == 2);
    }
    const EnvironmentVariable rank("OMPI_COMM_WORLD_RANK", "3");
    CHECK(launched_rank() == 3);
}

TEST_CASE("communicator: exchange, broadcast and any_rank bring every rank what was sent to it") {
    for (int size : {1, 2, 3, 5}) {
        CAPTURE(size);
        std::vector<int> right(std::size_t(size), 0);
        ThreadRanks::run(size, [&](Communicator& ranks) {
            const int own = ranks.rank();
            // To every other rank two messages of different lengths.
            std::vector<std::array<int, 2>> first(std::size_t(size), {-1, -1});
            std::vector<int> second(std::size_t(size), -1);
            std::vector<std::array<int, 2>> sent;
            for (int rank = 0; rank < size; ++rank) sent.push_back({own, rank});
            std::vector<Communicator::Outgoing> out;
            std::vector<Communicator::Incoming> in;
            for (int rank = 0; rank < size; ++rank) {
                if (rank == own) continue;
                out.push_back({rank, bytes_of(sent[std::size_t(rank)])});
                out.push_back({rank, bytes_of(own)});
                in.push_back({rank, bytes_of(first[std::size_t(rank)])});
                in.push_back({rank, bytes_of(second[std::size_t(rank)])});
            }
            ranks.exchange(out, in);
            bool ok = true;
            for (int rank = 0; rank < size; ++rank)
                if (rank != own)
                    ok = ok && first[std::size_t(rank)] == std::array{rank, own} &&
                         second[std::size_t(rank)] == rank;
            int value = 100 + own;
            ranks.broadcast(bytes_of(value), size - 1);
            ok = ok && value == 99 + size;
            ok = ok && !any_rank(ranks, false) && any_rank(ranks, own == size - 1);
            ranks.barrier();
            right[std::size_t(own)] = ok;
        });
        CHECK(std::accumulate(right.begin(), right.end(), 0) == size);
    }
}
