#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../../../../apps/mnist_vae/commands/user_image.hpp"
#include "../../../../apps/mnist_vae/run/pictures.hpp"
#include "../../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

namespace {

int at(const GrayImage& p, int x, int y) { return p.pixels[std::size_t(y * p.width + x)]; }

}  // namespace

TEST_CASE("grid: sizes, places, clamping and rounding") {
    Matrix images(3, 2);  // three images of 1 x 2 pixels
    images(0, 0) = 1;
    images(1, 0) = 2;
    images(1, 1) = -1;
    images(2, 0) = NAN;
    images(2, 1) = 0.5f;
    const GrayImage p = compose_grid(images, 1, 2, 2);
    // Lines of 2, images of 4 x 2 (twice their size), two a row.
    CHECK(p.width == 2 + 4 + 2 + 4 + 2);
    CHECK(p.height == 2 + 2 + 2 + 2 + 2);
    CHECK(at(p, 0, 0) == 64);
    CHECK(at(p, 2, 2) == 255);
    CHECK(at(p, 3, 3) == 255);
    CHECK(at(p, 4, 2) == 0);
    CHECK(at(p, 8, 2) == 255);
    CHECK(at(p, 10, 2) == 0);
    CHECK(at(p, 2, 6) == 0);
    CHECK(at(p, 4, 6) == 128);
    CHECK(at(p, 8, 6) == 64);  // no fourth image
    CHECK_THROWS_AS(compose_grid(images, 2, 2, 2), Error);
}

TEST_CASE("pairs: every reconstruction is below its original") {
    Matrix originals(3, 1), reconstructions(3, 1);
    for (Index i = 0; i < 3; ++i) {
        originals(i, 0) = float(i + 1) / 255;
        reconstructions(i, 0) = float(i + 101) / 255;
    }
    const GrayImage p = compose_pairs(originals, reconstructions, 1, 1, 2);
    CHECK(p.width == 10);
    CHECK(p.height == 18);
    CHECK(at(p, 2, 2) == 1);
    CHECK(at(p, 2, 6) == 101);
    CHECK(at(p, 6, 2) == 2);
    CHECK(at(p, 6, 6) == 102);
    CHECK(at(p, 2, 10) == 3);
    CHECK(at(p, 2, 14) == 103);
}

TEST_CASE("a picture is bounded: images keep their size, then lie wider, then are reduced") {
    const auto check = [](const Grid& grid, Index tiles, Index columns, const GridLayout& want) {
        const GridLayout found = lay_out(grid, tiles, columns);
        CAPTURE(tiles);
        CHECK(found.columns == want.columns);
        CHECK(found.scale == want.scale);
        CHECK(found.shrink == want.shrink);
    };
    check({28, 28}, 400, 20, {20, 2, 1});
    check({28, 28, 2}, 20, 10, {10, 2, 1});
    check({28, 28}, 10000, 100, {100, 1, 1});
    check({28, 28, 2}, 2830, 10, {42, 1, 1});
    check({900, 900}, 10, 10, {10, 1, 3});
    check({1, 1 << 20}, 16, 4, {4, 1, 1028});
    check({4092, 4092}, 1, 1, {1, 1, 1});
    check({4093, 1}, 1, 1, {1, 1, 2});
    CHECK_THROWS_AS(lay_out({900, 900}, 1'000'000'000, 1), Error);
}

TEST_CASE("as many images are shown as a picture has room for") {
    CHECK(tiles_that_fit({28, 28}, 100) == 100);
    CHECK(tiles_that_fit({28, 28}, 1'000'000) == 136 * 136);
    CHECK(tiles_that_fit({28, 28, 2}, 2830) == 2830);
    CHECK(tiles_that_fit({900, 900}, 100) == 16);
    CHECK(tiles_that_fit({900, 900, 2}, 20) == 8);
    CHECK(tiles_that_fit({1, 1 << 20}, 64) == 16);
    CHECK(tiles_that_fit({1 << 20, 1 << 10}, 64) == 1);
    CHECK(square_that_fits({28, 28}, 20) == 20);
    CHECK(square_that_fits({28, 28}, 1000) == 136);
    CHECK(square_that_fits({256, 256}, 20) == 15);
    CHECK(square_that_fits({1, 1 << 20}, 20) == 1);
    // Every number that fits can be laid out, within the bounds.
    for (Index rows : {1, 7, 28, 300, 2047, 2048, 4096, 5000, 100'000})
        for (Index cols : {1, 28, 900, 4095, 1 << 16})
            for (Index tile_rows : {1, 2}) {
                const Grid grid{rows, cols, tile_rows};
                const Index tiles = tiles_that_fit(grid, 10'000);
                const GridLayout layout = lay_out(grid, tiles, 10);
                const auto side = [&](Index count, Index image) {
                    return count *
                               (layout.scale * ((image + layout.shrink - 1) / layout.shrink) + 2) +
                           2;
                };
                CHECK(side(std::min(layout.columns, tiles), cols) <= kMaxPictureSide);
                CHECK(side(tile_rows * ((tiles + layout.columns - 1) / layout.columns), rows) <=
                      kMaxPictureSide);
            }
}

TEST_CASE("a reduced image shows the mean of what a pixel stands for") {
    Matrix images(1, 9000);
    for (Index j = 0; j < 9000; ++j) images(0, j) = j % 3 == 0 ? 0.3f : 0;
    const GrayImage p = compose_grid(images, 1, 9000, 1);
    CHECK(p.width == 3000 + 4);
    CHECK(p.height == 5);
    CHECK(at(p, 2, 2) == 26);
    CHECK(at(p, 3001, 2) == 26);
    images(0, 8999) = 0.9f;
    CHECK(at(compose_grid(images, 1, 9000, 1), 3001, 2) == 102);
}

TEST_CASE("inverse normal distribution: published quantiles, and it inverts") {
    CHECK(std::abs(inverse_normal(0.5)) <= 1e-12);
    CHECK(std::abs(inverse_normal(0.975) - 1.959963984540054) <= 1e-9);
    CHECK(std::abs(inverse_normal(0.05) + 1.644853626951473) <= 1e-9);
    CHECK(std::abs(inverse_normal(0.001) + 3.090232306167813) <= 1e-9);
    for (double p = 1e-6; p < 1; p += 0.00137)
        CHECK(std::abs(0.5 * std::erfc(-inverse_normal(p) / std::sqrt(2.0)) - p) <= 1e-12);
}

TEST_CASE("manifold: equal steps of probability, x to the right, y upwards, the rest zero") {
    const Matrix z = manifold_latents(3, 4, 2, 0);
    CHECK(z.rows() == 9);
    const float edge = 1.6448536f;
    CHECK(std::abs(z(0, 2) + edge) <= 1e-6);
    CHECK(std::abs(z(0, 0) - edge) <= 1e-6);
    CHECK(std::abs(z(2, 2) - edge) <= 1e-6);
    CHECK(std::abs(z(8, 0) + edge) <= 1e-6);
    CHECK(std::abs(z(4, 0)) <= 1e-6);
    for (Index i = 0; i < 9; ++i) CHECK(z(i, 1) == 0);
    CHECK(manifold_latents(5, 1, 0, 0).rows() == 5);
}

namespace {

// A seven: a bar and a slanted stroke, drawn at some place and scale, on paper of some colour.
GrayImage draw_seven(int size, int left, int top, int scale, int paper, int ink) {
    GrayImage p{size, size,
                std::vector<std::uint8_t>(std::size_t(size * size), std::uint8_t(paper))};
    for (int y = 0; y < 10 * scale; ++y)
        for (int x = 0; x < 8 * scale; ++x) {
            const bool bar = y < 2 * scale;
            const int edge = 7 * scale - y / 2;
            if (bar || (x <= edge && x > edge - 2 * scale))
                p.pixels[std::size_t((top + y) * size + left + x)] = std::uint8_t(ink);
        }
    return p;
}

double mean_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
    return sum / double(a.size());
}

}  // namespace

TEST_CASE("a digit of one's own: place, size and colours of the paper do not matter") {
    const auto base = normalize_digit(draw_seven(100, 20, 20, 5, 255, 0), 28, 28, "f");
    REQUIRE(base.size() == 784);
    double mass = 0, mass_x = 0, mass_y = 0;
    Index top = 28, bottom = 0, left = 28, right = 0;
    for (Index y = 0; y < 28; ++y)
        for (Index x = 0; x < 28; ++x) {
            const float v = base[std::size_t(y * 28 + x)];
            CHECK(v >= 0);
            CHECK(v <= 1.0001f);
            mass += v;
            mass_x += v * (double(x) + 0.5);
            mass_y += v * (double(y) + 0.5);
            if (v > 0.2f) {
                top = std::min(top, y);
                bottom = std::max(bottom, y + 1);
                left = std::min(left, x);
                right = std::max(right, x + 1);
            }
        }
    // Centred by mass; 20 pixels high, give or take the pixels that are cut by an edge.
    CHECK(std::abs(mass_x / mass - 14) <= 0.1);
    CHECK(std::abs(mass_y / mass - 14) <= 0.1);
    CHECK(bottom - top >= 19);
    CHECK(bottom - top <= 22);
    CHECK(right - left <= 18);
    for (const GrayImage& other :
         {draw_seven(100, 3, 40, 5, 255, 0), draw_seven(100, 20, 20, 5, 0, 255),
          draw_seven(300, 50, 100, 10, 240, 20), draw_seven(90, 40, 5, 4, 30, 200)})
        CHECK(mean_difference(base, normalize_digit(other, 28, 28, "f")) <= 0.02);
}

TEST_CASE("a digit of one's own: dim paper and a thin pen do not matter either") {
    const auto base = normalize_digit(draw_seven(100, 20, 20, 5, 255, 0), 28, 28, "f");
    for (const GrayImage& other :
         {draw_seven(100, 20, 20, 5, 110, 20), draw_seven(100, 20, 20, 5, 140, 250)})
        CHECK(mean_difference(base, normalize_digit(other, 28, 28, "f")) <= 1e-5);

    // A vertical line one pixel wide, three hundred high: a fifteenth of a pixel after scaling.
    GrayImage line{400, 400, std::vector<std::uint8_t>(400 * 400, 255)};
    for (std::size_t y = 50; y < 350; ++y) line.pixels[y * 400 + 200] = 0;
    const auto thin = normalize_digit(line, 28, 28, "f");
    CHECK(*std::max_element(thin.begin(), thin.end()) == 1.0f);
}

TEST_CASE("a digit of one's own: what is outside its box, such as a shadow, is black") {
    GrayImage picture = draw_seven(100, 20, 20, 5, 255, 0);
    const auto base = normalize_digit(picture, 28, 28, "f");
    for (std::size_t y = 75; y < 100; ++y)
        for (std::size_t x = 0; x < 40; ++x) picture.pixels[y * 100 + x] = 230;
    CHECK(mean_difference(base, normalize_digit(picture, 28, 28, "f")) <= 1e-6);
}

TEST_CASE("a digit of one's own: an empty picture is refused by name") {
    const GrayImage blank{10, 10, std::vector<std::uint8_t>(100, 250)};
    CHECK_THROWS_WITH_AS(normalize_digit(blank, 28, 28, "mine.png"), doctest::Contains("mine.png"),
                         Error);
    const GrayImage one{1, 1, {7}};
    CHECK_THROWS_AS(normalize_digit(one, 28, 28, "mine.png"), Error);
}
