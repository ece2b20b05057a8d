#include "../../../core/io/idx.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"
#include "idx_bytes.hpp"

using namespace handgrad;
using namespace handgrad::test;
namespace fs = std::filesystem;

namespace {

// Every way for the contents of a file to be wrong. Pairs of files that do not fit together are in
// test_dataset.cpp.
enum class Defect {
    empty,
    three_bytes,
    first_bytes_not_zero,
    undefined_type,
    unknown_type,
    float_pixels,
    wide_labels,
    no_dimensions,
    five_dimensions,
    header_cut,
    zero_count,
    zero_rows,
    zero_columns,
    sizes_beyond_64_bits,
    largest_count,
    largest_rows,
    largest_columns,
    at_the_limit,
    just_over_the_limit,
    data_shorter,
    data_longer,
    gzip_data_shorter,
    gzip_data_longer,
    html_page,
    xml_page,
    html_page_gzipped,
    git_lfs_pointer,
    gzip_truncated,
    gzip_crc,
    gzip_length,
    gzip_garbage_after,
    gzip_two_members,
    gzip_in_gzip,
    labels_for_images,
    images_for_labels,
    label_over_9,
};

enum class Kind { images, labels };

const char* const kPage =
    "\n<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>";

Bytes build(Defect defect) {
    constexpr std::uint32_t kMost = 0xFFFFFFFF;
    const Bytes good = idx_images(2, 3, 4), zipped = gzip(good);
    // `bytes` with the byte at `position`, counted from the end if negative, set to `value`.
    const auto with = [](Bytes bytes, int position, std::uint8_t value) {
        bytes[position < 0 ? bytes.size() - std::size_t(-position) : std::size_t(position)] = value;
        return bytes;
    };
    const auto plus = [](Bytes bytes, const Bytes& more) { return append(bytes, more), bytes; };
    const auto header = [&](const std::vector<std::uint32_t>& sizes) {
        return plus(idx_header(0x08, sizes), Bytes(100));
    };
    switch (defect) {
        case Defect::empty:
            return {};
        case Defect::three_bytes:
            return {0, 0, 8};
        case Defect::first_bytes_not_zero:
            return with(with(good, 0, 'P'), 1, '5');
        case Defect::undefined_type:
            return with(good, 2, 0x0A);
        case Defect::unknown_type:
            return with(good, 2, 0xFF);
        case Defect::float_pixels:
            return with(good, 2, 0x0D);
        case Defect::wide_labels:
            return plus(idx_header(0x0C, {2, 8}), Bytes(64));
        case Defect::no_dimensions:
            return header({});
        case Defect::five_dimensions:
            return header({1, 1, 1, 1, 100});
        case Defect::header_cut:
            return Bytes(good.begin(), good.begin() + 15);
        case Defect::zero_count:
            return header({0, 28, 28});
        case Defect::zero_rows:
            return header({1, 0, 28});
        case Defect::zero_columns:
            return header({1, 28, 0});
        case Defect::sizes_beyond_64_bits:
            return header({65536, 65536, 65536});
        case Defect::largest_count:
            return header({kMost, 1, 1});
        case Defect::largest_rows:
            return header({1, kMost, 1});
        case Defect::largest_columns:
            return header({1, 1, kMost});
        case Defect::at_the_limit:
            return header({1, 1, (1u << 31) - 16});
        case Defect::just_over_the_limit:
            return header({1, 1, (1u << 31) - 15});
        case Defect::data_shorter:
            return Bytes(good.begin(), good.end() - 1);
        case Defect::data_longer:
            return plus(good, {0});
        case Defect::gzip_data_shorter:
            return gzip(Bytes(good.begin(), good.end() - 1));
        case Defect::gzip_data_longer:
            return gzip(plus(good, {0}));
        case Defect::html_page:
            return text(kPage);
        case Defect::xml_page:
            return text("\xEF\xBB\xBF<?xml version=\"1.0\"?><Error/>");
        case Defect::html_page_gzipped:
            return gzip(text(kPage));
        case Defect::git_lfs_pointer:
            return text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 40\n");
        case Defect::gzip_truncated:
            return Bytes(zipped.begin(), zipped.end() - 1);
        case Defect::gzip_crc:
            return with(zipped, -8, std::uint8_t(~zipped.end()[-8]));
        case Defect::gzip_length:
            return with(zipped, -4, 0);
        case Defect::gzip_garbage_after:
            return plus(zipped, {0});
        case Defect::gzip_two_members:
            return plus(zipped, zipped);
        case Defect::gzip_in_gzip:
            return gzip(zipped);
        case Defect::labels_for_images:
            return idx_labels(40);
        case Defect::images_for_labels:
            return good;
        case Defect::label_over_9:
            return with(idx_labels(40), 8 + 17, 10);
    }
    return {};
}

struct Refusal {
    Defect defect;
    Kind wanted;
    const char* message;  // after "path: "
};

constexpr Kind kImages = Kind::images, kLabels = Kind::labels;
const Refusal kRefusals[] = {
    {Defect::empty, kImages, "empty file: found 0 bytes, expected IDX images"},
    {Defect::empty, kLabels, "empty file: found 0 bytes, expected IDX labels"},
    {Defect::three_bytes, kImages,
     "too short for an IDX file: found 3 bytes, expected at least 16 bytes"},
    {Defect::three_bytes, kLabels,
     "too short for an IDX file: found 3 bytes, expected at least 8 bytes"},
    {Defect::first_bytes_not_zero, kImages,
     "not an IDX file: wrong first two bytes: found 0x50 0x35, expected 0x00 0x00"},
    {Defect::undefined_type, kImages,
     "IDX data of the wrong type: found 0x0A (unknown), expected 0x08 (unsigned 8-bit)"},
    {Defect::unknown_type, kImages,
     "IDX data of the wrong type: found 0xFF (unknown), expected 0x08 (unsigned 8-bit)"},
    {Defect::float_pixels, kImages,
     "IDX data of the wrong type: found 0x0D (float), expected 0x08 (unsigned 8-bit)"},
    {Defect::wide_labels, kLabels,
     "IDX data of the wrong type: found 0x0C (32-bit), expected 0x08 (unsigned 8-bit)"},
    {Defect::no_dimensions, kImages,
     "wrong number of dimensions: found 0, expected 3 (IDX images)"},
    {Defect::five_dimensions, kImages,
     "wrong number of dimensions: found 5, expected 3 (IDX images)"},
    {Defect::header_cut, kImages, "IDX header cut short: found 15 bytes, expected 16 bytes"},
    {Defect::zero_count, kImages, "IDX size \"count\": found 0, expected at least 1"},
    {Defect::zero_rows, kImages, "IDX size \"rows\": found 0, expected at least 1"},
    {Defect::zero_columns, kImages, "IDX size \"columns\": found 0, expected at least 1"},
    {Defect::sizes_beyond_64_bits, kImages,
     "IDX size \"rows\" makes the data too large: found 65536, "
     "expected at most 2147483648 bytes in all"},
    {Defect::largest_count, kImages,
     "IDX size \"count\" makes the data too large: found 4294967295, "
     "expected at most 2147483648 bytes in all"},
    {Defect::largest_rows, kImages,
     "IDX size \"rows\" makes the data too large: found 4294967295, "
     "expected at most 2147483648 bytes in all"},
    {Defect::largest_columns, kImages,
     "IDX size \"columns\" makes the data too large: found 4294967295, "
     "expected at most 2147483648 bytes in all"},
    {Defect::at_the_limit, kImages,
     "fewer bytes than the IDX header declares: found 116 bytes, expected 2147483648 bytes"},
    {Defect::just_over_the_limit, kImages,
     "IDX size \"columns\" makes the data too large: found 2147483633, "
     "expected at most 2147483648 bytes in all"},
    {Defect::data_shorter, kImages,
     "fewer bytes than the IDX header declares: found 39 bytes, expected 40 bytes"},
    {Defect::data_longer, kImages,
     "more bytes than the IDX header declares: found 41 bytes, expected 40 bytes"},
    {Defect::gzip_data_shorter, kImages,
     "fewer bytes than the IDX header declares: found 39 bytes, expected 40 bytes"},
    {Defect::gzip_data_longer, kImages,
     "more bytes than the IDX header declares: found at least 41 bytes, expected 40 bytes"},
    {Defect::html_page, kImages,
     "not an IDX file: found what looks like an HTML or XML page (the download failed), "
     "expected IDX images"},
    {Defect::xml_page, kLabels,
     "not an IDX file: found what looks like an HTML or XML page (the download failed), "
     "expected IDX labels"},
    {Defect::html_page_gzipped, kImages,
     "not an IDX file: found what looks like an HTML or XML page (the download failed), "
     "expected IDX images"},
    {Defect::git_lfs_pointer, kImages,
     "not an IDX file: found a Git LFS pointer (the file itself was not fetched), "
     "expected IDX images"},
    {Defect::gzip_truncated, kImages,
     "truncated gzip file: found an end after 62 bytes, expected the rest of the compressed data"},
    {Defect::gzip_crc, kImages, "damaged gzip file: its CRC-32 is wrong"},
    {Defect::gzip_length, kImages, "damaged gzip file: its length field is wrong"},
    {Defect::gzip_garbage_after, kImages,
     "garbage after the gzip member: found 1 more bytes, expected the end of the file"},
    {Defect::gzip_two_members, kImages,
     "a second gzip member follows the first: found one at byte 63, expected one member"},
    {Defect::gzip_in_gzip, kImages,
     "not an IDX file: wrong first two bytes: found 0x1F 0x8B, expected 0x00 0x00"},
    {Defect::labels_for_images, kImages,
     "wrong number of dimensions: found 1 (IDX labels), expected 3 (IDX images)"},
    {Defect::images_for_labels, kLabels,
     "wrong number of dimensions: found 3 (IDX images), expected 1 (IDX labels)"},
    {Defect::label_over_9, kLabels, "label at index 17 out of range: found 10, expected 0 to 9"},
};

// The message with which the file is refused, without the path that it must begin with.
std::string refusal(const fs::path& path, Kind wanted) {
    try {
        if (wanted == Kind::images)
            read_idx_images(path);
        else
            read_idx_labels(path);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        const std::string message = error.what(), prefix = path.string() + ": ";
        CHECK(message.substr(0, prefix.size()) == prefix);
        return message.substr(prefix.size());
    }
    return "accepted";
}

// Lets this process have that much more address space while it lives: who asks for what a damaged
// header declares gets std::bad_alloc.
class AddressSpaceLimit {
  public:
    explicit AddressSpaceLimit(std::size_t more) {
        getrlimit(RLIMIT_AS, &before_);
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        rlimit limit = before_;
        limit.rlim_cur = pages * std::size_t(sysconf(_SC_PAGESIZE)) + more;
        REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    }
    ~AddressSpaceLimit() { setrlimit(RLIMIT_AS, &before_); }

  private:
    rlimit before_{};
};

// gzip by zlib: 1000 to 1 for zeros at level 9, no compression at level 0.
Bytes deflated(const Bytes& contents, int level = 9) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    Bytes out(deflateBound(&stream, contents.size()));
    stream.next_in = const_cast<Bytef*>(contents.data());
    stream.avail_in = uInt(contents.size());
    stream.next_out = out.data();
    stream.avail_out = uInt(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("idx: every defect is refused, and the message says what was found and expected") {
    const TemporaryDirectory folder;
    for (const Refusal& expected : kRefusals)
        for (const char* name : {"a-file", "a-file.gz"}) {
            const fs::path path = write_file(folder.path() / name, build(expected.defect));
            CHECK(refusal(path, expected.wanted) == std::string(expected.message));
        }
}

TEST_CASE("idx: a file cut short anywhere is refused, plain or gzipped") {
    const TemporaryDirectory folder;
    for (const Bytes& whole : {idx_images(2, 3, 4), gzip(idx_images(2, 3, 4)), idx_labels(9)})
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            const Bytes cut(whole.begin(), whole.begin() + std::ptrdiff_t(size));
            const fs::path path = write_file(folder.path() / "cut", cut);
            CHECK(refusal(path, whole[3] == 1 ? kLabels : kImages) != "accepted");
        }
}

TEST_CASE("idx: what is no readable regular file is refused") {
    const TemporaryDirectory folder;
    CHECK(refusal(folder.path() / "nothing-here", kImages) != "accepted");
    CHECK(refusal(folder.path(), kImages) != "accepted");
    CHECK(refusal("/dev/zero", kImages) != "accepted");
    const fs::path fifo = folder.path() / "fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(refusal(fifo, kImages) != "accepted");  // and does not wait for a writer

    const fs::path secret = write_file(folder.path() / "secret", idx_images(1, 2, 2));
    fs::permissions(secret, fs::perms::none);
    const bool root = geteuid() == 0;  // root may read everything
    if (root) REQUIRE(seteuid(65534) == 0);
    CHECK(refusal(secret, kImages) != "accepted");
    if (root) REQUIRE(seteuid(0) == 0);
}

TEST_CASE("idx: a file that ends before the length the system gave for it is refused") {
    // Files of sysfs claim one page and have a few bytes, like a file cut while it is being read.
    const fs::path path = "/sys/kernel/mm/transparent_hugepage/enabled";
    if (!fs::exists(path)) {
        MESSAGE("not checked here: no ", path.string());
        return;
    }
    CHECK(refusal(path, kImages) != "accepted");
}

TEST_CASE("idx: a header that lies costs no memory") {
    const TemporaryDirectory folder;
    // 1.9 GiB in a file of 100 bytes: only the missing data gives it away.
    Bytes promise = idx_header(0x08, {2000000, 32, 32});
    promise.resize(100);
    const fs::path plain = write_file(folder.path() / "plain", promise);
    const fs::path zipped = write_file(folder.path() / "zipped", gzip(promise));
    // 64 MiB in 64 KiB: of more than the header declares, and of less.
    promise.resize(std::size_t{64} << 20);
    const fs::path too_little = write_file(folder.path() / "too-little", deflated(promise));
    CHECK(fs::file_size(too_little) < 80000);
    const Bytes ten_images = idx_header(0x08, {10, 28, 28});
    std::copy(ten_images.begin(), ten_images.end(), promise.begin());
    Bytes bomb = deflated(promise);
    const fs::path too_much = write_file(folder.path() / "too-much", bomb);
    bomb.resize(bomb.size() / 2);  // unpacking stops before it can notice
    const fs::path cut = write_file(folder.path() / "cut", bomb);
    Bytes().swap(promise);

    const AddressSpaceLimit limit(std::size_t{32} << 20);
    const std::string fewer = "fewer bytes than the IDX header declares: found ";
    const std::string more = "more bytes than the IDX header declares: found ";
    CHECK(refusal(plain, kImages) == fewer + "100 bytes, expected 2048000016 bytes");
    CHECK(refusal(zipped, kImages) == fewer + "100 bytes, expected 2048000016 bytes");
    CHECK(refusal(too_little, kImages) == fewer + "67108864 bytes, expected 2048000016 bytes");
    CHECK(refusal(too_much, kImages) == more + "at least 7857 bytes, expected 7856 bytes");
    CHECK(refusal(cut, kImages) == more + "at least 7857 bytes, expected 7856 bytes");
}

TEST_CASE("idx: a file is held in memory once, plain or gzipped, compressible or not") {
    const TemporaryDirectory folder;
    constexpr std::size_t kPixels = std::size_t{48} << 20;
    Bytes content = idx_header(0x08, {48, 1024, 1024});
    const fs::path plain = write_file(folder.path() / "plain", content);
    fs::resize_file(plain, content.size() + kPixels);
    content.resize(content.size() + kPixels);
    const fs::path small = write_file(folder.path() / "small", deflated(content, 1));
    const fs::path stored = write_file(folder.path() / "stored", deflated(content, 0));
    Bytes().swap(content);
    CHECK(fs::file_size(small) < kPixels / 100);
    CHECK(fs::file_size(stored) > kPixels);

    std::string sum;
    for (const fs::path& path : {plain, small, stored}) {
        CAPTURE(path);
        const AddressSpaceLimit limit(kPixels + (std::size_t{8} << 20));
        const IdxImages images = read_idx_images(path);
        CHECK(images.pixels.size() == kPixels);
        CHECK((sum.empty() || sum == images.sha256));
        sum = images.sha256;
    }
}
