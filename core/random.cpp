#include "random.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "error.hpp"
#include "isa.hpp"
#include "kernels/table.hpp"
#include "profile.hpp"

namespace handgrad {

namespace {

// One stream of words, to be read at any position. Neighbours share a block, so the block read
// last is kept.
class Words {
  public:
    Words(std::uint64_t seed, Purpose purpose, std::uint32_t epoch, std::uint32_t sample_index)
        : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
          counter_{0, sample_index, epoch, static_cast<std::uint32_t>(purpose)},
          block_(philox(counter_, key_)) {}

    std::uint32_t operator[](std::uint64_t element) {
        const auto block = static_cast<std::uint32_t>(element / 4);
        if (block != counter_[0]) {
            counter_[0] = block;
            block_ = philox(counter_, key_);
        }
        return block_[element % 4];
    }

  private:
    std::array<std::uint32_t, 2> key_;
    std::array<std::uint32_t, 4> counter_;
    std::array<std::uint32_t, 4> block_;
};

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
    // The multipliers were chosen by the authors for their avalanche; the key grows by the golden
    // ratio and sqrt(3) - 1, both scaled by 2^32.
    constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
    constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = kMultiplier0 * counter[0];
        const std::uint64_t product1 = kMultiplier1 * counter[2];
        counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(product1),
                   static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(product0)};
        key = {key[0] + kWeyl0, key[1] + kWeyl1};
    }
    return counter;
}

void fill_normal(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                 std::uint32_t sample_index, std::span<float> normals) {
    // 64 numbers at a time: whole registers of any width, and buffers that stay in the L1 cache.
    constexpr std::size_t kChunk = 64;
    std::uint32_t bits[kChunk];
    float chunk[kChunk];
    const auto& kernels = active_kernels();
    Words words(seed, purpose, epoch, sample_index);
    for (std::size_t first = 0; first < normals.size(); first += kChunk) {
        const std::size_t count = std::min(kChunk, normals.size() - first);
        const std::size_t pairs = (count + 1) / 2;
        for (std::size_t i = 0; i < 2 * pairs; ++i) bits[i] = words[first + i];
        kernels.normal_from_bits(bits, chunk, static_cast<Index>(pairs));
        std::copy_n(chunk, count, normals.begin() + static_cast<Index>(first));
    }
}

void fill_noise(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                std::span<const std::uint32_t> sample_indices, MatrixView noise) {
    if (noise.rows != std::ssize(sample_indices))
        throw Error(ErrorKind::argument, "fill_noise", "wrong number of rows",
                    std::to_string(noise.rows),
                    "one for each of " + std::to_string(sample_indices.size()) + " samples");
    const OpScope scope({.op = "fill_noise",
                         .m = noise.rows,
                         .n = noise.cols,
                         .bytes = sizeof(float) * double(noise.rows) * double(noise.cols)});
    for (Index i = 0; i < noise.rows; ++i)
        fill_normal(seed, purpose, epoch, sample_indices[static_cast<std::size_t>(i)],
                    {noise.row(i), static_cast<std::size_t>(noise.cols)});
}

void fill_uniform(std::uint64_t seed, Purpose purpose, std::uint32_t epoch, std::uint32_t index,
                  float low, float high, BlockedView values) {
    const float width = high - low;
    Words words(seed, purpose, epoch, index);
    for (Index i = 0; i < values.rows; ++i) {
        for (Index j = 0; j < values.cols; ++j) {
            // 24 bits are what a float holds, so u is exact.
            const std::uint32_t word = words[static_cast<std::uint64_t>(i * values.cols + j)];
            const float u = static_cast<float>(word >> 8) * 0x1p-24f;
            values(i, j) = std::fma(width, u, low);
        }
    }
}

void draw_bits(std::uint64_t seed, Purpose purpose, std::uint32_t epoch, std::uint32_t sample_index,
               std::span<const std::uint8_t> pixels, std::span<std::uint8_t> bits) {
    if (bits.size() != pixels.size())
        throw Error(ErrorKind::argument, "draw_bits", "another number of bits than of pixels",
                    std::to_string(bits.size()), std::to_string(pixels.size()));
    Words words(seed, purpose, epoch, sample_index);
    for (std::size_t e = 0; e < pixels.size(); ++e) {
        const std::uint64_t pixel = pixels[e];
        // Most pixels of a digit are certain, and need no word.
        if (pixel == 0 || pixel == 255)
            bits[e] = pixels[e];
        else
            bits[e] = std::uint64_t(words[e] >> 8) * 255 < (pixel << 24) ? 255 : 0;
    }
}

void shuffle(std::uint64_t seed, std::uint32_t epoch, std::span<std::uint32_t> order) {
    std::iota(order.begin(), order.end(), 0u);
    Words words(seed, Purpose::shuffle, epoch, 0);
    for (std::size_t i = order.size(); i-- > 1;) {
        const std::uint64_t j = (std::uint64_t{words[i]} * (i + 1)) >> 32;
        std::swap(order[i], order[j]);
    }
}

}  // namespace handgrad
