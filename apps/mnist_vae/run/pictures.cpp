#include "pictures.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../../../core/error.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr Index kGap = 2;           // between two images, and around all
constexpr std::uint8_t kLine = 64;  // dark grey: visible beside black, quiet beside white

// The sides of an image in the picture.
Index scaled(Index side, const GridLayout& layout) {
    return layout.scale * ((side + layout.shrink - 1) / layout.shrink);
}
// The length of so many images of this side in a row or a column.
Index length(Index count, Index side) { return count * (side + kGap) + kGap; }
// How many images of this side fit.
Index most_that_fit(Index side) { return (kMaxPictureSide - kGap) / (side + kGap); }

bool fits(const Grid& grid, Index tiles, const GridLayout& layout) {
    const Index columns = std::min(layout.columns, tiles);
    const Index rows = grid.tile_rows * ((tiles + layout.columns - 1) / layout.columns);
    return length(columns, scaled(grid.image_cols, layout)) <= kMaxPictureSide &&
           length(rows, scaled(grid.image_rows, layout)) <= kMaxPictureSide;
}

// The tiles that fit along the two sides at their own size, or reduced as far as one needs.
struct Room {
    Index across, down;
};
Room room_for(const Grid& grid) {
    return {std::max<Index>(1, most_that_fit(grid.image_cols)),
            std::max<Index>(1, most_that_fit(grid.image_rows) / grid.tile_rows)};
}
Index most_by_values(const Grid& grid) {
    return std::max<Index>(
        1, kMaxPictureValues / (grid.image_rows * grid.image_cols * grid.tile_rows));
}

// A picture that has room for so many images, filled with the colour of the lines.
GrayImage blank_grid(const Grid& grid, Index rows, Index columns, const GridLayout& layout) {
    GrayImage picture;
    picture.width = static_cast<int>(length(columns, scaled(grid.image_cols, layout)));
    picture.height = static_cast<int>(length(rows, scaled(grid.image_rows, layout)));
    picture.pixels.assign(std::size_t(picture.width) * std::size_t(picture.height), kLine);
    return picture;
}

// The mean of the part of an image that a pixel of the picture shows.
float mean_of(const float* image, const Grid& grid, Index y, Index x, Index shrink) {
    float sum = 0;
    const Index bottom = std::min((y + 1) * shrink, grid.image_rows);
    const Index right = std::min((x + 1) * shrink, grid.image_cols);
    for (Index row = y * shrink; row < bottom; ++row)
        for (Index column = x * shrink; column < right; ++column)
            sum += image[row * grid.image_cols + column];
    return sum / static_cast<float>((bottom - y * shrink) * (right - x * shrink));
}

void draw(GrayImage& picture, const float* image, const Grid& grid, const GridLayout& layout,
          Index row, Index column) {
    const Index height = scaled(grid.image_rows, layout), width = scaled(grid.image_cols, layout);
    const Index top = kGap + row * (height + kGap), left = kGap + column * (width + kGap);
    for (Index y = 0; y < height; ++y)
        for (Index x = 0; x < width; ++x)
            picture.pixels[std::size_t((top + y) * picture.width + left + x)] =
                gray_level(mean_of(image, grid, y / layout.scale, x / layout.scale, layout.shrink));
}

void check(const char* name, ConstMatrixView images, Index image_rows, Index image_cols,
           Index columns) {
    if (images.cols != image_rows * image_cols || images.rows < 1 || columns < 1)
        throw Error(ErrorKind::argument, name, "images of another size", shape_string(images),
                    "some rows of " + std::to_string(image_rows * image_cols));
}

}  // namespace

std::uint8_t gray_level(float value) {
    // NaN fails both comparisons of clamp's replacement and shows as black.
    if (!(value > 0.0f)) return 0;
    return static_cast<std::uint8_t>(std::min(value, 1.0f) * 255.0f + 0.5f);
}

Index tiles_that_fit(const Grid& grid, Index wanted) {
    const Room room = room_for(grid);
    return std::min({wanted, room.across * room.down, most_by_values(grid)});
}

Index square_that_fits(const Grid& grid, Index wanted) {
    const Room room = room_for(grid);
    const auto by_values = static_cast<Index>(std::sqrt(double(most_by_values(grid))));
    return std::min({wanted, room.across, room.down, by_values});
}

GridLayout lay_out(const Grid& grid, Index tiles, Index columns) {
    const Room room = room_for(grid);
    const Index wider = std::max(columns, (tiles + room.down - 1) / room.down);
    for (const GridLayout& layout :
         {GridLayout{columns, 2}, GridLayout{columns, 1}, GridLayout{wider, 1}})
        if (fits(grid, tiles, layout)) return layout;
    GridLayout reduced{columns, 1, 2};
    while (!fits(grid, tiles, reduced) &&
           reduced.shrink < std::max(grid.image_rows, grid.image_cols))
        ++reduced.shrink;
    if (!fits(grid, tiles, reduced))
        throw Error(ErrorKind::argument, "lay_out", "more images than a picture has room for",
                    std::to_string(tiles),
                    "at most " + std::to_string(tiles_that_fit(grid, tiles)));
    return reduced;
}

GrayImage compose_grid(ConstMatrixView images, Index image_rows, Index image_cols, Index columns) {
    check("compose_grid", images, image_rows, image_cols, columns);
    const Grid grid{image_rows, image_cols};
    const GridLayout layout = lay_out(grid, images.rows, columns);
    const Index rows = (images.rows + layout.columns - 1) / layout.columns;
    GrayImage picture = blank_grid(grid, rows, std::min(layout.columns, images.rows), layout);
    for (Index i = 0; i < images.rows; ++i)
        draw(picture, images.row(i), grid, layout, i / layout.columns, i % layout.columns);
    return picture;
}

GrayImage compose_pairs(ConstMatrixView originals, ConstMatrixView reconstructions,
                        Index image_rows, Index image_cols, Index columns) {
    check("compose_pairs", originals, image_rows, image_cols, columns);
    check_shape("compose_pairs", reconstructions, originals.rows, originals.cols);
    const Grid grid{image_rows, image_cols, 2};
    const GridLayout layout = lay_out(grid, originals.rows, columns);
    const Index rows = (originals.rows + layout.columns - 1) / layout.columns;
    GrayImage picture =
        blank_grid(grid, 2 * rows, std::min(layout.columns, originals.rows), layout);
    for (Index i = 0; i < originals.rows; ++i) {
        const Index row = 2 * (i / layout.columns), column = i % layout.columns;
        draw(picture, originals.row(i), grid, layout, row, column);
        draw(picture, reconstructions.row(i), grid, layout, row + 1, column);
    }
    return picture;
}

GrayImage flag_picture(const GrayImage& picture) {
    constexpr int kFrame = 8, kStripe = 4;
    GrayImage flagged;
    flagged.width = picture.width + 2 * kFrame;
    flagged.height = picture.height + 2 * kFrame;
    for (int y = 0; y < flagged.height; ++y)
        for (int x = 0; x < flagged.width; ++x) {
            const int inner_x = x - kFrame, inner_y = y - kFrame;
            const bool inside =
                inner_x >= 0 && inner_x < picture.width && inner_y >= 0 && inner_y < picture.height;
            const bool white = (x + y) / kStripe % 2 == 0;
            flagged.pixels.push_back(
                inside ? picture.pixels[std::size_t(inner_y * picture.width + inner_x)]
                       : std::uint8_t(white ? 255 : 0));
        }
    return flagged;
}

Matrix manifold_latents(Index size, Index latent, Index x_dimension, Index y_dimension) {
    const auto quantile = [size](Index i) {
        const double p = size == 1 ? 0.5 : 0.05 + 0.9 * double(i) / double(size - 1);
        return static_cast<float>(inverse_normal(p));
    };
    const bool one_row = x_dimension == y_dimension;
    Matrix z(one_row ? size : size * size, latent);
    for (Index i = 0; i < z.rows(); ++i) {
        if (!one_row) z(i, y_dimension) = quantile(size - 1 - i / size);
        z(i, x_dimension) = quantile(i % size);
    }
    return z;
}

double inverse_normal(double p) {
    // P. J. Acklam's approximation (2003), relative error 1.15e-9, for the lower tail and middle.
    const auto lower = [](double q) {
        constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                                -2.400758277161838e+00, -2.549732539343734e+00,
                                4.374664141464968e+00,  2.938163982698783e+00};
        constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                                3.754408661907416e+00};
        const double r = std::sqrt(-2 * std::log(q));
        return (((((c[0] * r + c[1]) * r + c[2]) * r + c[3]) * r + c[4]) * r + c[5]) /
               ((((d[0] * r + d[1]) * r + d[2]) * r + d[3]) * r + 1);
    };
    const auto middle = [](double q) {
        constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                                -2.759285104469687e+02, 1.383577518672690e+02,
                                -3.066479806614716e+01, 2.506628277459239e+00};
        constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                                -1.556989798598866e+02, 6.680131188771972e+01,
                                -1.328068155288572e+01};
        const double t = q - 0.5, r = t * t;
        return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * t /
               (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    };
    constexpr double kTail = 0.02425;
    const double x = p < kTail ? lower(p) : p > 1 - kTail ? -lower(1 - p) : middle(p);
    // One step of Halley's method against the error function.
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double u = error * std::sqrt(2 * std::numbers::pi) * std::exp(x * x / 2);
    return x - u / (1 + x * u / 2);
}

}  // namespace handgrad::apps::mnist_vae
