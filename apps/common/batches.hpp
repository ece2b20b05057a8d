// Mini-batches: which images make one, in which order, and their pixels as numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "../../core/io/idx.hpp"
#include "../../core/matrix.hpp"
#include "../../core/sparse_rows.hpp"

namespace handgrad::apps {

// The images of a data set in batches of equal size; the last one holds what is left. There is no
// position to keep: (seed, epoch, batch number) determine a batch, so a run can be resumed
// anywhere. Nothing allocates after construction.
class Batches {
  public:
    // Starts in the order of the file. The images must outlive the batches.
    // Throws Error(argument) unless 1 <= batch_size <= images.count, or if the number of pixels
    // contradicts the images' size.
    Batches(const IdxImages& images, Index batch_size);

    // The order from now on: shuffled as (seed, epoch) say, or that of the file.
    void start_epoch(std::uint64_t seed, std::uint32_t epoch);
    void start_sequential();

    Index batches_per_epoch() const;
    Index features() const { return images_.rows * images_.cols; }

    // The positions in the data set of the images of batch 0, 1, ... The span is valid until the
    // next epoch starts. Throws Error(argument) for a batch that does not exist.
    std::span<const std::uint32_t> samples(Index batch) const;

    // Writes these images to x (samples(batch).size(), features): pixel / 255, correctly rounded.
    // Throws Error(argument) for a batch that does not exist or an x of another shape.
    void load(Index batch, MatrixView x) const { load(samples(batch), x); }
    // The same of a part of a batch's samples.
    void load(std::span<const std::uint32_t> samples, MatrixView x) const;

  private:
    const IdxImages& images_;
    Index batch_size_;
    std::vector<std::uint32_t> order_;
};

}  // namespace handgrad::apps
