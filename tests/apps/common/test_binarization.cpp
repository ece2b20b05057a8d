#include "../../../apps/common/binarization.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps;

namespace {

constexpr Index kImages = 2000;

// Every image has all intensities from 0 to 255 as its pixels.
IdxImages ramps() {
    IdxImages images{kImages, 16, 16, {}, ""};
    for (Index i = 0; i < kImages; ++i)
        for (int p = 0; p < 256; ++p) images.pixels.push_back(std::uint8_t(p));
    return images;
}

IdxImages binarized(Binarization how, const BinaryDraw& draw = {}) {
    const IdxImages grey = ramps();
    IdxImages binary = grey;
    binarize(how, draw, grey, binary);
    return binary;
}

Dataset dataset() {
    Dataset data;
    data.train.images = data.test.images = ramps();
    data.train.labels.labels.assign(std::size_t(kImages), 3);
    data.train.labels.labels.back() = 7;
    return data;
}

}  // namespace

TEST_CASE("binarization: a threshold of half of white, and none at all") {
    const IdxImages binary = binarized(Binarization::at_threshold);
    for (std::size_t e = 0; e < binary.pixels.size(); ++e)
        REQUIRE(int(binary.pixels[e]) == (e % 256 < 128 ? 0 : 255));
    CHECK(binarized(Binarization::none).pixels == ramps().pixels);
}

TEST_CASE("binarization: a drawn pixel is white as often as it is light") {
    const IdxImages binary = binarized(Binarization::drawn_anew, {7, Purpose::binarization, 3});
    std::vector<Index> white(256);
    for (std::size_t e = 0; e < binary.pixels.size(); ++e) {
        REQUIRE((binary.pixels[e] == 0 || binary.pixels[e] == 255));
        white[e % 256] += binary.pixels[e] == 255;
    }
    CHECK(white[0] == 0);
    CHECK(white[255] == kImages);
    double chi_squared = 0;  // of 254 independent binomial counts
    for (int p = 1; p < 255; ++p) {
        const double chance = p / 255.0, n = double(kImages);
        const double deviation = double(white[std::size_t(p)]) - n * chance;
        chi_squared += deviation * deviation / (n * chance * (1 - chance));
    }
    // 254 +- 5 standard deviations of sqrt(2 254); the draw is always the same one.
    CHECK(chi_squared > 254 - 113);
    CHECK(chi_squared < 254 + 113);
}

TEST_CASE("binarization: a draw is a function of seed, purpose, epoch and image") {
    const BinaryDraw draw{7, Purpose::binarization, 3};
    const auto pixels = binarized(Binarization::drawn_anew, draw).pixels;
    CHECK(binarized(Binarization::drawn_anew, draw).pixels == pixels);
    CHECK(binarized(Binarization::drawn_once, draw).pixels == pixels);
    for (const BinaryDraw& other :
         {BinaryDraw{8, Purpose::binarization, 3}, BinaryDraw{7, Purpose::binarization, 4},
          BinaryDraw{7, Purpose::validation_binarization, 3}})
        CHECK_FALSE(binarized(Binarization::drawn_anew, other).pixels == pixels);
    CHECK_FALSE(std::equal(pixels.begin(), pixels.begin() + 256, pixels.begin() + 256));
}

TEST_CASE("binarization: images drawn anew stay grey until training draws them") {
    const IdxImages grey = ramps();
    for (Use use : {Use::training, Use::looking_back}) {
        Dataset data = dataset();
        binarize(Binarization::drawn_anew, 5, use, data);
        CHECK((data.train.images.pixels == grey.pixels) == (use == Use::training));
        IdxImages drawn = grey;
        binarize(Binarization::drawn_once, {5, Purpose::validation_binarization}, grey, drawn);
        CHECK(data.test.images.pixels == drawn.pixels);
    }
    Dataset data = dataset();
    binarize(Binarization::drawn_once, 5, Use::training, data);
    IdxImages drawn = grey;
    binarize(Binarization::drawn_once, {5, Purpose::binarization}, grey, drawn);
    CHECK(data.train.images.pixels == drawn.pixels);
    binarize(Binarization::none, 5, Use::training, data);
    CHECK(data.train.images.pixels == drawn.pixels);
}

TEST_CASE("binarization: other sizes are refused") {
    const IdxImages grey = ramps();
    IdxImages small = grey;
    small.pixels.pop_back();
    CHECK_THROWS_AS(binarize(Binarization::at_threshold, {}, grey, small), Error);
    CHECK_THROWS_AS(draw_bits(0, Purpose::binarization, 0, 0, grey.pixels, small.pixels), Error);
}

TEST_CASE("hold_out: the last images leave training, with their labels") {
    Dataset data = dataset();
    CHECK(&validation_split(data) == &data.test);
    hold_out(data, 3);
    CHECK(&validation_split(data) == &data.held_out);
    for (const Split* split : {&data.train, &data.held_out}) {
        CHECK(split->images.count == (split == &data.train ? kImages - 3 : 3));
        CHECK(Index(split->labels.labels.size()) == split->images.count);
        CHECK(Index(split->images.pixels.size()) == split->images.count * 256);
        CHECK(split->images.rows == 16);
        CHECK(split->images.cols == 16);
    }
    CHECK(data.held_out.labels.labels == std::vector<std::uint8_t>{3, 3, 7});
    Dataset all = dataset();
    CHECK_THROWS_AS(hold_out(all, kImages), Error);
}
