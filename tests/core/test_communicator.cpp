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
    const EnvironmentVariable size("PMI_SIZE", "4"), rank("PMI_RANK", "2");
    for (const char* text : {"", "x", "-1", "1000000"}) {
        CAPTURE(text);
        const EnvironmentVariable closed("PMI_FD", text);
        CHECK(launched_rank() == 0);
    }
    const EnvironmentVariable open("PMI_FD", "2");
    CHECK(launched_rank() == 2);
    for (const char* text : {"", "x", "4x", " 4", "+4", "-1", "0", "99999999999"}) {
        CAPTURE(text);
        const EnvironmentVariable wrong("OMPI_COMM_WORLD_SIZE", text);
        CHECK(launched_rank() == 2);
    }
    const EnvironmentVariable other_size("OMPI_COMM_WORLD_SIZE", "8");
    CHECK(launched_rank() == 0);  // the other half of that is missing
    const EnvironmentVariable other_rank("OMPI_COMM_WORLD_RANK", "7");
    CHECK(launched_rank() == 0);
    const EnvironmentVariable name("PMIX_NAMESPACE", "job");
    CHECK(launched_rank() == 7);
}

TEST_CASE("communicator: numbers that no launcher sets are no rank") {
    const EnvironmentVariable port("PMI_PORT", "host:1");
    for (const char* size : {"", "x", "4x", "-4", "0", "1", "99999999999"}) {
        CAPTURE(size);
        const EnvironmentVariable sizes("PMI_SIZE", size), ranks("PMI_RANK", "2");
        CHECK(launched_rank() == 0);
        CHECK(connect_ranks()->size() == 1);
    }
    for (const char* rank : {"", "x", "2x", "-1", "4", "99999999999"}) {
        CAPTURE(rank);
        const EnvironmentVariable sizes("PMI_SIZE", "4"), ranks("PMI_RANK", rank);
        CHECK(launched_rank() == 0);
    }
    const EnvironmentVariable rank("PMI_RANK", "3");
    CHECK(launched_rank() == 0);
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
