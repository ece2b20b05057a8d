#include "roofline.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace handgrad::apps::kernel_bench {

namespace {

// The plot, in pixels; right of it the list.
constexpr double kLeft = 70, kTop = 50, kWidth = 620, kHeight = 460, kList = 720;
constexpr double kLineHeight = 17;

// Both axes are logarithmic, from low to high.
struct Axes {
    double x_low, x_high, y_low, y_high;
    double x(double intensity) const {
        return kLeft + kWidth * std::log(intensity / x_low) / std::log(x_high / x_low);
    }
    double y(double rate) const {
        return kTop + kHeight * (1 - std::log(rate / y_low) / std::log(y_high / y_low));
    }
};

class Svg {
  public:
    Svg(double width, double height) {
        char text[512];
        std::snprintf(text, sizeof text,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
                      "width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\" "
                      "fill=\"#222\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                      width, height, width, height);
        svg_ = text;
    }
    void line(double x1, double y1, double x2, double y2, const char* color, double width = 1) {
        char text[256];
        std::snprintf(text, sizeof text,
                      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                      "stroke-width=\"%.1f\"/>\n",
                      x1, y1, x2, y2, color, width);
        svg_ += text;
    }
    void dot(double x, double y, const char* color) {
        char text[128];
        std::snprintf(text, sizeof text, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n",
                      x, y, color);
        svg_ += text;
    }
    void text(double x, double y, const std::string& words, const char* attributes = "") {
        char text[256];
        std::snprintf(text, sizeof text, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
        svg_ += text;
        for (char c : words) svg_ += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
        svg_ += "</text>\n";
    }
    std::string finish() const { return svg_ + "</svg>\n"; }

  private:
    std::string svg_;
};

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

// Powers of ten from low to high, with a grid line each.
void draw_axes(Svg& svg, const Axes& axes) {
    for (double x = axes.x_low; x < axes.x_high * 1.01; x *= 10) {
        svg.line(axes.x(x), kTop, axes.x(x), kTop + kHeight, "#ddd");
        svg.text(axes.x(x), kTop + kHeight + 18, number(x), "text-anchor=\"middle\"");
    }
    for (double y = axes.y_low; y < axes.y_high * 1.01; y *= 10) {
        svg.line(kLeft, axes.y(y), kLeft + kWidth, axes.y(y), "#ddd");
        svg.text(kLeft - 8, axes.y(y) + 4, number(y / 1e9), "text-anchor=\"end\"");
    }
    svg.text(kLeft + kWidth / 2, kTop + kHeight + 40, "operations per byte of operands",
             "text-anchor=\"middle\"");
    svg.text(kLeft, kTop - 10, "GFLOP/s");
}

// The ceilings: the level of the peak, and from each bandwidth the slope that reaches it.
void draw_ceilings(Svg& svg, const Axes& axes, const Limits& limits) {
    for (const Bandwidth& b : limits.bandwidths) {
        const double ridge = limits.fma_peak / b.bytes_per_second;
        const double from = std::max(axes.x_low, axes.y_low / b.bytes_per_second);
        svg.line(axes.x(from), axes.y(from * b.bytes_per_second), axes.x(ridge),
                 axes.y(limits.fma_peak), "#36c", 1.5);
        const double x = axes.x(from) + 16,
                     y = axes.y(from * b.bytes_per_second);  // below the line
        svg.text(x, y, b.level + " " + number(std::round(b.bytes_per_second / 1e9)) + " GB/s",
                 "fill=\"#36c\"");
    }
    const double ridge = limits.fma_peak / limits.bandwidths.front().bytes_per_second;
    svg.line(axes.x(ridge), axes.y(limits.fma_peak), kLeft + kWidth, axes.y(limits.fma_peak),
             "#c33", 1.5);
    svg.text(kLeft + kWidth, axes.y(limits.fma_peak) - 8,
             "FMA peak " + number(std::round(limits.fma_peak / 1e9)) + " GFLOP/s",
             "fill=\"#c33\" text-anchor=\"end\"");
}

}  // namespace

std::string draw_roofline(const std::string& title, const Limits& limits,
                          const std::vector<RooflineDot>& dots) {
    Axes axes{0.1, 100, 1e9, 1e12};
    for (const RooflineDot& dot : dots) {
        while (dot.rate < axes.y_low) axes.y_low /= 10;
        while (dot.intensity < axes.x_low) axes.x_low /= 10;
        while (dot.intensity > axes.x_high) axes.x_high *= 10;
    }
    while (limits.fma_peak > axes.y_high / 1.5) axes.y_high *= 10;
    const double list = kTop + kLineHeight * double(dots.size() + 1);
    Svg svg(kList + 400, std::max(kTop + kHeight + 60, list + 20));
    svg.text(kLeft, 24, title, "font-size=\"16\"");
    draw_axes(svg, axes);
    draw_ceilings(svg, axes, limits);
    double y = kTop;
    for (std::size_t i = 0; i < dots.size(); ++i, y += kLineHeight) {
        const double x = axes.x(dots[i].intensity), height = axes.y(dots[i].rate);
        svg.dot(x, height, "#292");
        // Labels of neighbours go to different sides.
        const double dx = i % 2 == 0 ? 6 : -6;
        svg.text(x + dx, height + 4, std::to_string(i + 1),
                 i % 2 == 0 ? "font-size=\"10\"" : "font-size=\"10\" text-anchor=\"end\"");
        char rate[64];
        std::snprintf(rate, sizeof rate, "%.1f GFLOP/s", dots[i].rate / 1e9);
        svg.text(kList, y, std::to_string(i + 1) + "  " + dots[i].name);
        svg.text(kList + 390, y, rate, "text-anchor=\"end\"");
    }
    return svg.finish();
}

}  // namespace handgrad::apps::kernel_bench
