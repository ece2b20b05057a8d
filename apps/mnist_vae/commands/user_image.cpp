#include "user_image.hpp"

#include <algorithm>
#include <cmath>

#include "../../../core/error.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Intensities in [0, 1], and how to ask for them outside.
struct Plane {
    Index rows, cols;
    std::vector<float> values;
    float at(Index y, Index x) const { return values[std::size_t(y * cols + x)]; }
};

float median(std::vector<float> values) {
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// The picture with its background, which is what the border shows, at 0 and the strongest stroke
// at 1. The stroke is what differs most from the background, to whichever side: the paper of a dim
// photograph is darker than middle grey, and ink on it darker still.
Plane stroke_on_black(const GrayImage& picture) {
    Plane plane{picture.height, picture.width, {}};
    for (std::uint8_t p : picture.pixels) plane.values.push_back(float(p) / 255.0f);
    std::vector<float> border;
    for (Index y = 0; y < plane.rows; ++y)
        for (Index x = 0; x < plane.cols; ++x)
            if (y == 0 || x == 0 || y == plane.rows - 1 || x == plane.cols - 1)
                border.push_back(plane.at(y, x));
    const float background = median(border);
    const auto [darkest, lightest] = std::minmax_element(plane.values.begin(), plane.values.end());
    const bool dark_on_light = background - *darkest > *lightest - background;
    float strongest = 0;
    for (float& value : plane.values) {
        value = std::max(0.0f, dark_on_light ? background - value : value - background);
        strongest = std::max(strongest, value);
    }
    // Fainter than a tenth of the full range is paper, not ink.
    if (strongest < 0.1f) strongest = 0;
    for (float& value : plane.values) value = strongest > 0 ? value / strongest : 0;
    return plane;
}

struct Box {
    Index top, bottom, left, right;  // bottom and right exclusive
    bool empty() const { return top >= bottom; }
};

Box bounding_box(const Plane& plane) {
    constexpr float kInk = 0.2f;  // shadows and compression leave less
    Box box{plane.rows, 0, plane.cols, 0};
    for (Index y = 0; y < plane.rows; ++y)
        for (Index x = 0; x < plane.cols; ++x)
            if (plane.at(y, x) >= kInk) {
                box.top = std::min(box.top, y);
                box.bottom = std::max(box.bottom, y + 1);
                box.left = std::min(box.left, x);
                box.right = std::max(box.right, x + 1);
            }
    return box;
}

// The mean of the plane over [y0, y1) x [x0, x1), which need not be whole pixels; 0 outside the
// box, where shadows are.
float area_mean(const Plane& plane, const Box& box, double y0, double y1, double x0, double x1) {
    double sum = 0;
    const Index bottom = std::min(box.bottom, Index(std::ceil(y1)));
    const Index right = std::min(box.right, Index(std::ceil(x1)));
    for (Index y = std::max(box.top, Index(std::floor(y0))); y < bottom; ++y) {
        const double height = std::min(y1, double(y + 1)) - std::max(y0, double(y));
        for (Index x = std::max(box.left, Index(std::floor(x0))); x < right; ++x) {
            const double width = std::min(x1, double(x + 1)) - std::max(x0, double(x));
            sum += plane.at(y, x) * height * width;
        }
    }
    return static_cast<float>(sum / ((y1 - y0) * (x1 - x0)));
}

}  // namespace

std::vector<float> normalize_digit(const GrayImage& picture, Index rows, Index cols,
                                   const std::string& path) {
    const Plane plane = stroke_on_black(picture);
    const Box box = bounding_box(plane);
    if (box.empty())
        throw Error(ErrorKind::input, path, "nothing to see on this picture", "one even colour",
                    "a digit on a plain background");

    // Centre of mass of what is in the box, in the picture's pixels.
    double mass = 0, mass_y = 0, mass_x = 0;
    for (Index y = box.top; y < box.bottom; ++y)
        for (Index x = box.left; x < box.right; ++x) {
            mass += plane.at(y, x);
            mass_y += plane.at(y, x) * (double(y) + 0.5);
            mass_x += plane.at(y, x) * (double(x) + 0.5);
        }

    // One pixel of the result covers `step` pixels of the picture.
    const double step = std::max(double(box.bottom - box.top) / (double(rows) * 20 / 28),
                                 double(box.right - box.left) / (double(cols) * 20 / 28));
    const double top = mass_y / mass - step * double(rows) / 2;
    const double left = mass_x / mass - step * double(cols) / 2;
    std::vector<float> digit;
    for (Index y = 0; y < rows; ++y)
        for (Index x = 0; x < cols; ++x)
            digit.push_back(area_mean(plane, box, top + step * double(y),
                                      top + step * double(y + 1), left + step * double(x),
                                      left + step * double(x + 1)));
    // A thin pen's strokes are narrower than a pixel now, and grey; MNIST's are white.
    const float brightest = *std::max_element(digit.begin(), digit.end());
    for (float& value : digit) value /= brightest;
    return digit;
}

}  // namespace handgrad::apps::mnist_vae
