#include "binarization.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "../../core/error.hpp"
#include "../../core/ops.hpp"

namespace handgrad::apps {

void binarize(Binarization binarization, const BinaryDraw& draw, const IdxImages& grey,
              IdxImages& binary) {
    if (binary.pixels.size() != grey.pixels.size())
        throw Error(ErrorKind::argument, "binarize", "another number of pixels",
                    std::to_string(binary.pixels.size()), std::to_string(grey.pixels.size()));
    const std::size_t features = std::size_t(grey.rows * grey.cols);
    for_each_row(grey.count, grey.rows * grey.cols, [&](Index i) {
        const auto pixels = std::span(grey.pixels).subspan(std::size_t(i) * features, features);
        const auto bits = std::span(binary.pixels).subspan(std::size_t(i) * features, features);
        switch (binarization) {
            case Binarization::none:
                std::copy(pixels.begin(), pixels.end(), bits.begin());
                break;
            case Binarization::drawn_once:
            case Binarization::drawn_anew:
                draw_bits(draw.seed, draw.purpose, draw.epoch, std::uint32_t(i), pixels, bits);
                break;
            case Binarization::at_threshold:
                std::transform(pixels.begin(), pixels.end(), bits.begin(),
                               [](std::uint8_t p) { return std::uint8_t(p >= 128 ? 255 : 0); });
                break;
        }
    });
}

void binarize(Binarization binarization, std::uint64_t seed, Use use, Dataset& dataset) {
    if (binarization == Binarization::none) return;
    if (binarization != Binarization::drawn_anew || use == Use::looking_back)
        binarize(binarization, {seed, Purpose::binarization}, dataset.train.images,
                 dataset.train.images);
    for (Split* split : {&dataset.held_out, &dataset.test})
        binarize(binarization, {seed, Purpose::validation_binarization}, split->images,
                 split->images);
}

}  // namespace handgrad::apps
