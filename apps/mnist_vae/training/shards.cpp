#include "shards.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string>

#include "../../../core/error.hpp"
#include "../../../core/ops.hpp"

namespace handgrad::apps::mnist_vae {

Halves halve(Range shards) {
    const std::size_t below = std::size_t(shards.count() - 1);
    const Index middle = shards.first + Index(std::bit_floor(below));
    return {{shards.first, middle}, {middle, shards.last}};
}

// Adds to `found` the largest subtrees of `tree` that lie in `own`.
static void find_subtrees(Range tree, Range own, std::vector<Range>& found) {
    if (tree.last <= own.first || own.last <= tree.first) return;
    if (own.first <= tree.first && tree.last <= own.last) {
        found.push_back(tree);
        return;
    }
    const auto [left, right] = halve(tree);
    find_subtrees(left, own, found);
    find_subtrees(right, own, found);
}

std::vector<Range> subtrees_of_rank(Index shards, int ranks, int rank) {
    std::vector<Range> found;
    find_subtrees({0, shards}, cut(shards, ranks, rank), found);
    return found;
}

// How many sums may wait for others while these shards are added up.
static std::size_t depth_of(Range shards) {
    return std::size_t(std::bit_width(std::size_t(shards.count() - 1)));
}

// to += from
static void add(std::span<const float> from, std::span<float> to) {
    const Index size = Index(to.size());
    const OpScope scope(describe_elementwise("add_gradients", 1, size, 3, 1));
    parallel_for(size, kElementsPerThread, [&](Index begin, Index end) {
        for (Index e = begin; e < end; ++e) to[std::size_t(e)] += from[std::size_t(e)];
    });
}

// x *= factor
static void scale(float factor, std::span<float> x) {
    const Index size = Index(x.size());
    const OpScope scope(describe_elementwise("scale_gradients", 1, size, 2, 1));
    const kernels::KernelTable& table = active_kernels();
    parallel_for(size, kElementsPerThread, [&](Index begin, Index end) {
        table.scale(factor, x.data() + begin, end - begin);
    });
}

static std::span<float> part_of(std::span<float> values, Range part) {
    return values.subspan(std::size_t(part.first), std::size_t(part.count()));
}

ShardedGradient::ShardedGradient(ParameterArena& arena, Index shards, Communicator& ranks)
    : arena_(arena), shards_(shards), ranks_(ranks), records_(std::size_t(shards)) {
    if (shards < ranks.size())
        throw Error(ErrorKind::argument, "shards", "fewer than ranks", std::to_string(shards),
                    "at least " + std::to_string(ranks.size()));
    const std::size_t size = arena.gradients().size();
    const Index lines = (Index(size) + kFloatsPerLine - 1) / kFloatsPerLine;
    for (int rank = 0; rank < ranks.size(); ++rank) {
        const Range part = cut(lines, ranks.size(), rank);
        slices_.push_back(
            {part.first * kFloatsPerLine, std::min(Index(size), part.last * kFloatsPerLine)});
    }
    for (int rank = 0; rank < ranks.size(); ++rank) {
        const bool own = rank == ranks.rank();
        for (const Range& shards_of_one : subtrees_of_rank(shards, ranks.size(), rank)) {
            const std::size_t values = own ? size : std::size_t(own_slice().count());
            subtrees_.push_back({shards_of_one, rank, sums_.emplace_back(values)});
            if (own) pending_.resize(std::max(pending_.size(), depth_of(shards_of_one)));
        }
        if (!own) continue;
        // The last that is computed stays where it is.
        sums_.pop_back();
        subtrees_.back().sum = arena.gradients();
    }
    for (std::vector<float>& sum : pending_) sum.resize(size);
}

LossSums ShardedGradient::add_up(float factor, const Compute& compute) {
    const std::span<float> gradients = arena_.gradients();
    try {
        for (const Subtree& subtree : subtrees_) {
            if (!is_own(subtree)) continue;
            add_up_in_arena(subtree.shards, 0, compute);
            if (subtree.sum.data() != gradients.data())
                std::copy(gradients.begin(), gradients.end(), subtree.sum.begin());
        }
    } catch (const Error& error) {
        failure_kind_ = error.kind();
        failure_ = error.what();
    }
    const LossSums sums = exchange_sums();

    // Every rank gets its slice of all subtrees' sums,
    for (const Subtree& subtree : subtrees_) {
        if (!is_own(subtree)) {
            in_.push_back({subtree.rank, bytes_of(subtree.sum)});
            continue;
        }
        for (int rank = 0; rank < ranks_.size(); ++rank)
            if (rank != ranks_.rank())
                out_.push_back({rank, bytes_of(part_of(subtree.sum, slices_[std::size_t(rank)]))});
    }
    exchange();
    // adds them up,
    std::size_t next_subtree = 0;
    const std::span<float> sum = add_up_slice({0, shards_}, next_subtree);
    const std::span<float> own = part_of(gradients, own_slice());
    if (sum.data() != own.data()) std::copy(sum.begin(), sum.end(), own.begin());
    scale(factor, own);
    // and gives the result to all others.
    for (int rank = 0; rank < ranks_.size(); ++rank) {
        if (rank == ranks_.rank()) continue;
        out_.push_back({rank, bytes_of(own)});
        in_.push_back({rank, bytes_of(part_of(gradients, slices_[std::size_t(rank)]))});
    }
    exchange();
    return sums;
}

void ShardedGradient::add_up_in_arena(Range shards, std::size_t depth, const Compute& compute) {
    if (shards.count() == 1) {
        Record& record = records_[std::size_t(shards.first)];
        record.failed = true;
        record.sums = compute(shards.first);
        record.failed = false;
        return;
    }
    const auto [left, right] = halve(shards);
    const std::span<float> gradients = arena_.gradients();
    add_up_in_arena(left, depth + 1, compute);
    std::copy(gradients.begin(), gradients.end(), pending_[depth].begin());
    add_up_in_arena(right, depth + 1, compute);
    add(pending_[depth], gradients);
}

// The same tree, from the subtrees' sums on; they are overwritten.
std::span<float> ShardedGradient::add_up_slice(Range shards, std::size_t& next_subtree) {
    const Subtree& subtree = subtrees_[next_subtree];
    if (subtree.shards == shards) {
        ++next_subtree;
        return is_own(subtree) ? part_of(subtree.sum, own_slice()) : subtree.sum;
    }
    const auto [left, right] = halve(shards);
    const std::span<float> left_sum = add_up_slice(left, next_subtree);
    add(add_up_slice(right, next_subtree), left_sum);
    return left_sum;
}

LossSums ShardedGradient::exchange_sums() {
    const auto records_of = [&](int rank) {
        const Range shards = cut(shards_, ranks_.size(), rank);
        return bytes_of(std::span<Record>(records_).subspan(std::size_t(shards.first),
                                                            std::size_t(shards.count())));
    };
    for (int rank = 0; rank < ranks_.size(); ++rank) {
        if (rank == ranks_.rank()) continue;
        out_.push_back({rank, records_of(ranks_.rank())});
        in_.push_back({rank, records_of(rank)});
    }
    exchange();
    LossSums sums;
    for (Index shard = 0; shard < shards_; ++shard) {
        const Record& record = records_[std::size_t(shard)];
        if (record.failed) throw_failure_of(shard);
        sums.loss += record.sums.loss;
        sums.recon += record.sums.recon;
        sums.kl += record.sums.kl;
        sums.clamped_logvars += record.sums.clamped_logvars;
    }
    return sums;
}

void ShardedGradient::throw_failure_of(Index shard) {
    int owner = 0;
    while (cut(shards_, ranks_.size(), owner).last <= shard) ++owner;
    std::size_t size = failure_.size();
    ranks_.broadcast(bytes_of(size), owner);
    failure_.resize(size);
    ranks_.broadcast(bytes_of(std::span<char>(failure_)), owner);
    ranks_.broadcast(bytes_of(failure_kind_), owner);
    throw Error(failure_kind_, "", failure_);
}

void ShardedGradient::exchange() {
    if (ranks_.size() == 1) return;
    double bytes = 0;
    for (const Communicator::Outgoing& message : out_) bytes += double(message.bytes.size());
    const OpScope scope({.op = "exchange", .m = 1, .n = Index(bytes) / 4, .bytes = bytes});
    const auto start = std::chrono::steady_clock::now();
    ranks_.exchange(out_, in_);
    communication_seconds_ +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    out_.clear();
    in_.clear();
}

}  // namespace handgrad::apps::mnist_vae
