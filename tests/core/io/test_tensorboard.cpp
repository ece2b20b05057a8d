// TensorBoard's own reader reads whole files in tests/scripts/full/check_interchange.sh.
#include "../../../core/io/tensorboard.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <latch>
#include <memory>
#include <thread>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../golden/interchange.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::test;
namespace fs = std::filesystem;

namespace {

constexpr double kWallTime = 1700000000.25;

std::string record_hex(const std::vector<std::byte>& event) { return to_hex(tf_record(event)); }

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

// The lengths of the records of a file, by their first eight bytes.
std::vector<std::uint64_t> record_lengths(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, 1 << 20);
    std::vector<std::uint64_t> lengths;
    for (std::size_t at = 0; at < bytes.size(); at += 16 + lengths.back()) {
        REQUIRE(bytes.size() - at >= 16);
        lengths.push_back(0);
        std::memcpy(&lengths.back(), bytes.data() + at, 8);
        REQUIRE(bytes.size() - at - 16 >= lengths.back());
    }
    return lengths;
}

std::string refusal(auto call) {
    try {
        call();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::output);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("records and events have the bytes that TensorBoard's own writer gives them") {
    CHECK(record_hex(version_event(kWallTime)) == golden_hex("event_version"));
    CHECK(record_hex(start_event(kWallTime, 300)) == golden_hex("event_start"));
    const ScalarSummary scalars[] = {{"loss", 172.25}, {"val_loss", 0.1}};
    const ImageSummary images[] = {{"samples", 3, 2, bytes_of("PNG!")}};
    CHECK(record_hex(summary_event(kWallTime, 300, scalars, images)) ==
          golden_hex("event_summary"));
}

TEST_CASE("EventFile: a version, a start, and a summary for each step") {
    const TemporaryDirectory directory;
    const fs::path folder = directory.path() / "a" / "b";
    EventFile file(folder);
    CHECK(names_in(folder) == std::vector{fs::path(file.path()).filename().string()});
    CHECK(record_lengths(file.path()) == std::vector<std::uint64_t>{24});

    const ScalarSummary scalars[] = {{"loss", 1}};
    const std::uint64_t summary = summary_event(0, 1, scalars, {}).size();
    file.append(1, scalars, {});
    CHECK(record_lengths(file.path()) == std::vector<std::uint64_t>{24, 15, summary});
    file.append(2, scalars, {});
    CHECK(record_lengths(file.path()) == std::vector<std::uint64_t>{24, 15, summary, summary});
}

TEST_CASE("EventFile: a file without events is removed, others stay") {
    const TemporaryDirectory directory;
    { const EventFile unused(directory.path()); }
    CHECK(names_in(directory.path()).empty());
    {
        EventFile used(directory.path());
        used.append(1, {}, {});
        const EventFile unused(directory.path());
        CHECK(names_in(directory.path()).size() == 2);
    }
    CHECK(names_in(directory.path()).size() == 1);
}

TEST_CASE("EventFile: a new file comes after all others, and after nothing else") {
    const TemporaryDirectory directory;
    for (const char* name : {"events.out.tfevents.9000000000.other", "events.out.tfevents.12",
                             "events.out.tfevents.", "events.out.tfevents.9999999999.end",
                             "events.out.tfevents.99999999999999999999", "notes.9500000000"})
        std::ofstream(directory.path() / name) << "mine";
    const EventFile file(directory.path());
    CHECK(fs::path(file.path()).filename() == "events.out.tfevents.9000000001.handgrad");
    const EventFile next(directory.path());
    CHECK(fs::path(next.path()).filename() == "events.out.tfevents.9000000002.handgrad");
    // Also where no later time is left.
    std::ofstream(directory.path() / "events.out.tfevents.9999999998.other") << "mine";
    for (const char* name : {"events.out.tfevents.9999999999.handgrad",
                             "events.out.tfevents.9999999999.handgrad.0001",
                             "events.out.tfevents.9999999999.handgrad.0002"}) {
        EventFile last(directory.path());
        last.append(1, {}, {});
        CHECK(fs::path(last.path()).filename() == name);
    }
}

TEST_CASE("EventFile: many that are made at once have names of their own") {
    const TemporaryDirectory directory;
    constexpr int kFiles = 16, kOthers = 2000;
    // To look at all of these takes long enough for all to see the same.
    for (int i = 0; i < kOthers; ++i) std::ofstream(directory.path() / std::to_string(i));
    std::vector<std::unique_ptr<EventFile>> files(kFiles);
    std::atomic<int> failures = 0;
    std::latch together(kFiles);
    {
        std::vector<std::jthread> threads;
        for (auto& file : files)
            threads.emplace_back([&] {
                together.arrive_and_wait();
                try {
                    file = std::make_unique<EventFile>(directory.path());
                } catch (const Error&) {
                    ++failures;
                }
            });
    }
    CHECK(failures == 0);
    CHECK(names_in(directory.path()).size() == kFiles + kOthers);
    const EventFile last(directory.path());
    CHECK(names_in(directory.path()).back() == fs::path(last.path()).filename());
}

TEST_CASE("EventFile: what cannot be written is an output error that names it") {
    const TemporaryDirectory directory;
    const fs::path occupied = directory.path() / "occupied";
    std::ofstream(occupied) << "a file";
    CHECK(refusal([&] { EventFile file(occupied); }).starts_with(occupied.string() + ": cannot"));
    CHECK(refusal([&] {
              EventFile file(occupied / "below");
          }).starts_with((occupied / "below").string() + ": cannot be made a folder"));

    EventFile file(directory.path() / "good");
    fs::remove_all(directory.path() / "good");
    CHECK(refusal([&] { file.append(1, {}, {}); }).ends_with("No such file or directory"));

    EventFile full(directory.path() / "full");
    fs::remove(full.path());
    fs::create_symlink("/dev/full", full.path());
    CHECK(refusal([&] {
              full.append(1, {}, {});
          }).ends_with("cannot be written: No space left on device"));
    fs::remove(full.path());
}
