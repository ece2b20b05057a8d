// Event files, which TensorBoard shows while they grow: TFRecords of Event messages.
//
//   record    8 bytes the length of the data, 4 bytes its masked CRC-32C, the data, 4 bytes the
//             masked CRC-32C of the data; all little-endian. Masked: rotated right by 15 bits, plus
//             0xa282ead8, so that checksums of checksums are not special (TensorFlow, "TFRecord and
//             tf.train.Example").
//   Event     wall_time 1 (double, seconds since 1970), step 2, and one of file_version 3,
//             summary 5, session_log 7          tensorboard/compat/proto/event.proto
//   Summary   value 1: tag 1, and simple_value 2 (float) or image 4
//   Image     height 1, width 2, colorspace 3 (1: grey), encoded_image_string 4 (a PNG file)
//                                               tensorboard/compat/proto/summary.proto
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "../export.hpp"

namespace handgrad {

// A number of a step.
struct ScalarSummary {
    std::string tag;
    double value;  // files have it as a float
};

// A picture of a step.
struct ImageSummary {
    std::string tag;
    int width, height;
    std::vector<std::byte> png;  // the bytes of a grey PNG file of that size
};

// The data of records.
HANDGRAD_API std::vector<std::byte> version_event(double wall_time);
// "Everything from this step on that other files hold is forgotten": what a program that goes on
// from a checkpoint says first.
HANDGRAD_API std::vector<std::byte> start_event(double wall_time, std::int64_t step);
HANDGRAD_API std::vector<std::byte> summary_event(double wall_time, std::int64_t step,
                                                  std::span<const ScalarSummary> scalars,
                                                  std::span<const ImageSummary> images);

// A record around its data.
HANDGRAD_API std::vector<std::byte> tf_record(std::span<const std::byte> data);

// A new event file, beside those that are in the folder.
class HANDGRAD_API EventFile {
  public:
    // Makes the folder if there is none, and in it a file "events.out.tfevents.TIME.handgrad" that
    // comes after all others, for TensorBoard reads them in the order of their names. Throws
    // Error(output).
    explicit EventFile(const std::filesystem::path& folder);
    // A file to which nothing was appended is removed.
    ~EventFile();
    EventFile(const EventFile&) = delete;
    EventFile& operator=(const EventFile&) = delete;

    // Where it is.
    const std::string& path() const { return path_; }

    // Returns when the events are on the disk. The first step makes TensorBoard forget what other
    // files of the folder have of it and of later ones. Throws Error(output).
    void append(std::int64_t step, std::span<const ScalarSummary> scalars,
                std::span<const ImageSummary> images);

  private:
    std::string path_;
    bool has_events_ = false;
};

}  // namespace handgrad
