// samples.csv: what the decoder made of the same few latents after some of the epochs, so that a
// report can show how samples come about. The latents are the first ones of samples.png.
//
// The header is "epoch,sample,pixels"; pixels are two hexadecimal digits each, 00 black, row by
// row. Epochs 1, 2, 3, 4, 6, 8, 12, 16, 24, ... are kept: much happens early, little later, and
// thousands of epochs leave a small file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../model/vae.hpp"
#include "csv_journal.hpp"

namespace handgrad::apps::mnist_vae {

inline constexpr const char* kSamplesHeader = "epoch,sample,pixels";

// Whether the epoch is 2^k or 3 * 2^k.
bool is_kept_in_history(Index epoch);

// How many samples are kept of images of so many pixels: 8, or fewer, or none, of large ones.
Index history_samples(Index pixels);

// The images of one epoch, (samples, pixels) row-major.
struct EpochSamples {
    Index epoch = 0;
    std::vector<std::uint8_t> pixels;
};

// What the model makes of these latents now.
EpochSamples draw_history_samples(Vae& model, std::uint64_t seed, Index epoch);

class SampleHistory {
  public:
    // Goes on with the rows up to `last_epoch` if there are any; see CsvJournal.
    // Every row is checked then, against images of so many pixels.
    SampleHistory(const std::string& path, Index pixels, Index last_epoch,
                  const std::string& mistake = {});

    // Of an epoch that is not kept, nothing. Returns when the rows are on the disk. Throws
    // Error(output).
    void append(Vae& model, std::uint64_t seed, Index epoch);

    // As those of CsvJournal.
    void begin() { journal_.begin(); }
    void moved_to(const std::string& path) { journal_.moved_to(path); }

  private:
    CsvJournal journal_;
};

// All epochs, of images of so many pixels. Throws Error(input) naming file and line for anything
// that SampleHistory did not write.
std::vector<EpochSamples> read_sample_history(const std::string& path, Index pixels);
std::vector<EpochSamples> parse_sample_history(const std::string& text, const std::string& path,
                                               Index pixels);

}  // namespace handgrad::apps::mnist_vae
