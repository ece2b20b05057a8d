#include "sample_history.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>

#include "../../../core/error.hpp"
#include "../../../core/random.hpp"
#include "../options/options.hpp"
#include "pictures.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr Index kSamples = 8;
constexpr Index kMaxPixels = 8192;  // of all samples of an epoch

// Whether the text is so many pixels; appends them if it is.
bool parse_pixels(std::string_view hex, Index count, std::vector<std::uint8_t>& pixels) {
    if (std::ssize(hex) != 2 * count) return false;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        std::uint8_t level = 0;
        const char* end = hex.data() + i + 2;
        const auto [stop, error] = std::from_chars(hex.data() + i, end, level, 16);
        if (error != std::errc() || stop != end) return false;
        pixels.push_back(level);
    }
    return true;
}

}  // namespace

bool is_kept_in_history(Index epoch) {
    if (epoch < 1) return false;
    while (epoch % 2 == 0) epoch /= 2;
    return epoch == 1 || epoch == 3;
}

Index history_samples(Index pixels) { return std::min(kSamples, kMaxPixels / pixels); }

EpochSamples draw_history_samples(Vae& model, std::uint64_t seed, Index epoch) {
    const Architecture& a = model.architecture();
    const Index count = history_samples(a.pixels());
    EpochSamples samples{epoch, {}};
    if (count == 0) return samples;
    std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0u);
    Matrix z(count, a.latent);
    fill_noise(seed, Purpose::pictures, 0, numbers, z);
    const ConstMatrixView images = model.decode(z);
    for (Index i = 0; i < count; ++i)
        for (Index j = 0; j < images.cols; ++j) samples.pixels.push_back(gray_level(images(i, j)));
    return samples;
}

namespace {

// Takes the rows of a history and refuses the first that cannot follow those before it.
class HistoryReader {
  public:
    HistoryReader(std::string path, Index pixels)
        : path_(std::move(path)), pixels_(pixels), count_(history_samples(pixels)) {}

    // Whether the row is the last of its epoch.
    bool add(std::string_view row, Index line) {
        const std::size_t first = row.find(','), second = row.find(',', first + 1);
        Index epoch = 0, found = -1;
        bool good = count_ > 0 && first != row.npos && second != row.npos &&
                    parse_csv_number(row.substr(0, first), epoch) &&
                    parse_csv_number(row.substr(first + 1, second - first - 1), found) &&
                    found == sample_ && is_kept_in_history(epoch) && epoch <= kMaxEpochs;
        if (good && sample_ == 0) {
            good = history_.empty() || history_.back().epoch < epoch;
            history_.push_back({epoch, {}});
        }
        good = good && history_.back().epoch == epoch &&
               parse_pixels(row.substr(second + 1), pixels_, history_.back().pixels);
        if (!good)
            throw Error(ErrorKind::input, csv_place(path_, line), "not a sample",
                        std::string(row.substr(0, 80)),
                        "epoch, sample " + std::to_string(sample_) + " and " +
                            std::to_string(2 * pixels_) + " hexadecimal digits");
        sample_ = (sample_ + 1) % count_;
        return sample_ == 0;
    }

    // A process that died among the rows of an epoch leaves some of them.
    std::vector<EpochSamples> finish() {
        if (sample_ != 0) history_.pop_back();
        return std::move(history_);
    }

  private:
    std::string path_;
    Index pixels_, count_;
    Index sample_ = 0;  // the number that the next row must have
    std::vector<EpochSamples> history_;
};

}  // namespace

SampleHistory::SampleHistory(const std::string& path, Index pixels, Index last_epoch,
                             const std::string& mistake)
    : journal_(
          path, kSamplesHeader, last_epoch,
          [reader = HistoryReader(path, pixels)](std::string_view row, Index line) mutable {
              return reader.add(row, line);
          },
          mistake) {}

void SampleHistory::append(Vae& model, std::uint64_t seed, Index epoch) {
    if (!is_kept_in_history(epoch)) return;
    const EpochSamples samples = draw_history_samples(model, seed, epoch);
    const std::size_t pixels = std::size_t(model.architecture().pixels());
    constexpr const char* kDigits = "0123456789abcdef";
    std::string rows;
    for (std::size_t p = 0; p < samples.pixels.size(); ++p) {
        if (p % pixels == 0) rows += std::to_string(epoch) + "," + std::to_string(p / pixels) + ",";
        rows += kDigits[samples.pixels[p] / 16];
        rows += kDigits[samples.pixels[p] % 16];
        if (p % pixels == pixels - 1) rows += "\n";
    }
    journal_.append(rows);
    journal_.flush();
}

std::vector<EpochSamples> read_sample_history(const std::string& path, Index pixels) {
    HistoryReader reader(path, pixels);
    for_each_csv_row(path, kSamplesHeader,
                     [&](std::string_view row, Index line) { reader.add(row, line); });
    return reader.finish();
}

std::vector<EpochSamples> parse_sample_history(const std::string& text, const std::string& path,
                                               Index pixels) {
    HistoryReader reader(path, pixels);
    for_each_csv_row_of(text, path, kSamplesHeader,
                        [&](std::string_view row, Index line) { reader.add(row, line); });
    return reader.finish();
}

}  // namespace handgrad::apps::mnist_vae
