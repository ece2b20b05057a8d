// A mini-batch in shards, so that several processes can share its work and the bits do not depend
// on how many they are.
//
// The images of a batch are cut into S shards, in their order. Each shard is computed alone, as if
// it were a batch; its gradient is that of the SUM of its images' losses. The S gradients g_0, ...
// are added in one fixed tree and, for the mean, multiplied by 1 / n, n the images of the whole
// batch:
//
//   sum of [a, b)  =  g_a                                     b - a = 1
//                     sum of [a, a + h) + sum of [a + h, b)   h the largest power of two < b - a
//
// A rank computes consecutive shards. It adds up what lies in whole subtrees of its own; from there
// on every rank finishes the tree for one slice of the parameters, and gets the others' slices. So
// each rank sends 2 (N - 1) / N times the bytes of a gradient, if S is a multiple of N and both are
// powers of two; at most log2(S) as much otherwise. An empty shard's gradient is zero.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "../../../core/communicator.hpp"
#include "../../../core/error.hpp"
#include "../../../core/parameter.hpp"

namespace handgrad::apps::mnist_vae {

struct Range {
    Index first = 0, last = 0;  // not the last itself
    Index count() const { return last - first; }
    bool operator==(const Range&) const = default;
};

// Part number `part` of [0, total) in `parts` consecutive ones that differ by one at most.
constexpr Range cut(Index total, Index parts, Index part) {
    return {total * part / parts, total * (part + 1) / parts};
}

// What a shard is made of in the tree above; count() > 1.
struct Halves {
    Range left, right;
};
Halves halve(Range shards);

// The subtrees that the shards of one of `ranks` ranks are made of, from the first shard on.
std::vector<Range> subtrees_of_rank(Index shards, int ranks, int rank);

// Over the images of a shard, or of a batch.
struct LossSums {
    double loss = 0, recon = 0, kl = 0;
    Index clamped_logvars = 0;
};

class ShardedGradient {
  public:
    // The arena and the ranks must outlive it. Throws Error(argument) if there are fewer shards
    // than ranks.
    ShardedGradient(ParameterArena& arena, Index shards, Communicator& ranks);

    Index shards() const { return shards_; }

    // Calls compute(shard) for each shard of this rank, in order; it leaves the shard's gradient in
    // the arena. Afterwards the arena holds `factor` times the gradient of all shards, the same on
    // every rank, and what is returned are all shards' sums. All ranks call it. If compute throws
    // an Error anywhere, that of the first such shard is thrown on every rank.
    using Compute = std::function<LossSums(Index shard)>;
    LossSums add_up(float factor, const Compute& compute);

    // Spent on exchanging, and on waiting for the other ranks, so far.
    double communication_seconds() const { return communication_seconds_; }

  private:
    // A whole subtree of one rank's shards.
    struct Subtree {
        Range shards;
        int rank;
        // Its gradient; if it is another rank's, this rank's slice of it.
        std::span<float> sum;
    };
    bool is_own(const Subtree& subtree) const { return subtree.rank == ranks_.rank(); }
    Range own_slice() const { return slices_[std::size_t(ranks_.rank())]; }

    void add_up_in_arena(Range shards, std::size_t depth, const Compute& compute);
    LossSums exchange_sums();
    [[noreturn]] void throw_failure_of(Index shard);
    std::span<float> add_up_slice(Range shards, std::size_t& next_subtree);
    void exchange();

    ParameterArena& arena_;
    Index shards_;
    Communicator& ranks_;
    std::vector<Subtree> subtrees_;            // of all ranks, in order
    std::vector<Range> slices_;                // of the arena, one for each rank
    std::vector<std::vector<float>> pending_;  // left sums that wait for the right, by depth
    std::deque<std::vector<float>> sums_;      // of subtrees, but for what the arena itself holds

    struct Record {
        LossSums sums;
        bool failed;
    };
    std::vector<Record> records_;  // of all shards
    ErrorKind failure_kind_{};     // of this rank
    std::string failure_;

    std::vector<Communicator::Outgoing> out_;  // of the next exchange
    std::vector<Communicator::Incoming> in_;
    double communication_seconds_ = 0;
};

}  // namespace handgrad::apps::mnist_vae
