#include "tensorboard.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

#include "../error.hpp"
#include "atomic_file.hpp"
#include "crc32c.hpp"
#include "little_endian.hpp"
#include "protobuf.hpp"

namespace handgrad {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kNameBegins = "events.out.tfevents.";
constexpr std::int64_t kMaxTime = 9'999'999'999;  // names are in order while all have ten digits

double seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

std::uint32_t masked_crc(std::span<const std::byte> bytes) {
    const std::uint32_t crc = crc32c(bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

ProtobufMessage event(double wall_time) {
    ProtobufMessage event;
    event.add_double(1, wall_time);
    return event;
}

[[noreturn]] void fail(const std::string& path, const std::string& what_failed, int error) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(error));
}

// The number in the name of an event file; 0 for other names.
std::int64_t time_of(const std::string& name) {
    std::int64_t time = 0;
    if (name.starts_with(kNameBegins))
        std::from_chars(name.data() + kNameBegins.size(), name.data() + name.size(), time);
    return time;
}

// Of a file that comes after all that are there.
std::int64_t next_time(const fs::path& folder) {
    auto time = static_cast<std::int64_t>(seconds_since_1970());
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
        const std::int64_t other = time_of(entry.path().filename().string());
        if (other >= time && other < kMaxTime) time = other + 1;
    }
    if (error) fail(folder, "cannot be listed", error.value());
    return time;
}

// Whether it was opened: not if `mode` asks for a new file and there is one already.
bool append_to_file(const std::string& path, const char* mode, std::span<const std::byte> bytes) {
    std::FILE* file = std::fopen(path.c_str(), mode);
    if (file == nullptr && errno == EEXIST) return false;
    if (file == nullptr) fail(path, "cannot be opened", errno);
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const bool flushed = std::fflush(file) == 0;
    const int error = errno;
    std::fclose(file);
    if (!written || !flushed) fail(path, "cannot be written", error);
    return true;
}

// Makes a file that comes after all that are there, and returns its path.
std::string make_event_file(const fs::path& folder) {
    // Another program may take the name after the folder was looked at.
    constexpr int kTries = 1000;
    std::string path;
    for (int i = 0; i < kTries; ++i) {
        const std::int64_t time = next_time(folder);
        char number[8] = "";  // no time comes after the last; a longer name does
        if (time >= kMaxTime && i > 0) std::snprintf(number, sizeof number, ".%04d", i);
        path = folder /
               (std::string(kNameBegins) + std::to_string(time) + ".handgrad" + number);
        if (append_to_file(path, "abx", tf_record(version_event(seconds_since_1970()))))
            return path;
    }
    fail(path, "cannot be made", EEXIST);
}

}  // namespace

std::vector<std::byte> version_event(double wall_time) {
    ProtobufMessage version = event(wall_time);
    version.add_text(3, "brain.Event:2");
    return version.bytes();
}

std::vector<std::byte> start_event(double wall_time, std::int64_t step) {
    ProtobufMessage start = event(wall_time), session;
    session.add_integer(1, 1);  // START
    start.add_integer(2, step);
    start.add_message(7, session);
    return start.bytes();
}

std::vector<std::byte> summary_event(double wall_time, std::int64_t step,
                                     std::span<const ScalarSummary> scalars,
                                     std::span<const ImageSummary> images) {
    ProtobufMessage summary;
    for (const ScalarSummary& scalar : scalars) {
        ProtobufMessage value;
        value.add_text(1, scalar.tag);
        value.add_float(2, static_cast<float>(scalar.value));
        summary.add_message(1, value);
    }
    for (const ImageSummary& image : images) {
        ProtobufMessage picture, value;
        picture.add_integer(1, image.height);
        picture.add_integer(2, image.width);
        picture.add_integer(3, 1);
        picture.add_bytes(4, image.png);
        value.add_text(1, image.tag);
        value.add_message(4, picture);
        summary.add_message(1, value);
    }
    ProtobufMessage result = event(wall_time);
    result.add_integer(2, step);
    result.add_message(5, summary);
    return result.bytes();
}

std::vector<std::byte> tf_record(std::span<const std::byte> data) {
    std::vector<std::byte> record;
    detail::append_little_endian(record, static_cast<std::uint64_t>(data.size()));
    detail::append_little_endian(record, masked_crc(record));
    record.insert(record.end(), data.begin(), data.end());
    detail::append_little_endian(record, masked_crc(data));
    return record;
}

EventFile::EventFile(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail(folder, "cannot be made a folder", error.value());
    path_ = make_event_file(folder);
}

EventFile::~EventFile() {
    if (!has_events_) std::remove(path_.c_str());
}

void EventFile::append(std::int64_t step, std::span<const ScalarSummary> scalars,
                       std::span<const ImageSummary> images) {
    const double now = seconds_since_1970();
    std::vector<std::byte> records;
    const auto add = [&](const std::vector<std::byte>& event) {
        const std::vector<std::byte> record = tf_record(event);
        records.insert(records.end(), record.begin(), record.end());
    };
    if (!has_events_) add(start_event(now, step));
    add(summary_event(now, step, scalars, images));
    has_events_ = true;
    append_to_file(path_, "ab", records);
    flush_file(path_);
}

}  // namespace handgrad
