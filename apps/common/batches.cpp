#include "batches.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "../../core/error.hpp"
#include "../../core/ops.hpp"
#include "../../core/random.hpp"

namespace handgrad::apps {

Batches::Batches(const IdxImages& images, Index batch_size)
    : images_(images), batch_size_(batch_size) {
    if (batch_size < 1 || batch_size > images.count)
        throw Error(ErrorKind::argument, "batch size", "out of range", std::to_string(batch_size),
                    "1 to the number of images, " + std::to_string(images.count));
    const Index pixels = static_cast<Index>(images.pixels.size());
    if (pixels != images.count * features())
        throw Error(ErrorKind::argument, "Batches", "wrong number of pixels",
                    std::to_string(pixels), std::to_string(images.count * features()));
    order_.resize(static_cast<std::size_t>(images.count));
    start_sequential();
}

void Batches::start_epoch(std::uint64_t seed, std::uint32_t epoch) { shuffle(seed, epoch, order_); }

void Batches::start_sequential() { std::iota(order_.begin(), order_.end(), 0u); }

Index Batches::batches_per_epoch() const { return (images_.count + batch_size_ - 1) / batch_size_; }

std::span<const std::uint32_t> Batches::samples(Index batch) const {
    if (batch < 0 || batch >= batches_per_epoch())
        throw Error(ErrorKind::argument, "Batches", "no such batch", std::to_string(batch),
                    "0 to " + std::to_string(batches_per_epoch() - 1));
    const Index first = batch * batch_size_;
    const Index n = std::min(batch_size_, images_.count - first);
    return std::span<const std::uint32_t>(order_).subspan(static_cast<std::size_t>(first),
                                                          static_cast<std::size_t>(n));
}

void Batches::load(std::span<const std::uint32_t> samples, MatrixView x) const {
    check_shape("Batches::load", x, static_cast<Index>(samples.size()), features());
    const OpScope scope({.op = "load_pixels",
                         .m = x.rows,
                         .n = x.cols,
                         .bytes = (sizeof(float) + 1) * double(x.rows) * double(x.cols)});
    const kernels::KernelTable& table = active_kernels();
    for_each_row(x.rows, x.cols, [&](Index i) {
        const Index position = samples[static_cast<std::size_t>(i)];
        table.pixels_to_float(images_.pixels.data() + position * x.cols, x.row(i), x.cols);
    });
}

}  // namespace handgrad::apps
