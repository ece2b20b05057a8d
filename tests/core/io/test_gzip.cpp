#include "../../../core/io/gzip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "../../../core/error.hpp"
#include "idx_bytes.hpp"

using namespace handgrad;
using handgrad::test::Bytes;

namespace {

// All that the stream gives, read in pieces of `piece` bytes.
Bytes gunzip(const Bytes& compressed, std::size_t piece) {
    GunzipStream stream("x.gz", std::as_bytes(std::span(compressed)));
    Bytes all, part(piece);
    std::size_t got = 0;
    do {
        got = stream.read(std::as_writable_bytes(std::span(part)));
        all.insert(all.end(), part.begin(), part.begin() + std::ptrdiff_t(got));
    } while (got == piece);
    return all;
}

std::string refusal(const Bytes& compressed) {
    try {
        gunzip(compressed, 64);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        return error.what();
    }
    return "accepted";
}

// "handgrad" forty times, by fixed Huffman codes (RFC 1951, 3.2.6): eight literals, a match of 258
// and one of 54 bytes at distance 8. Unlike gzip() of the support header, this is compressed.
const Bytes kCompressed = [] {
    Bytes bits;
    const auto put = [&](unsigned value, int count, bool most_significant_first) {
        for (int i = 0; i < count; ++i)
            bits.push_back(value >> (most_significant_first ? count - 1 - i : i) & 1);
    };
    put(1, 1, false), put(1, 2, false);  // last block, fixed codes
    for (char c : std::string("handgrad")) put(0x30u + unsigned(c), 8, true);
    put(0xC5, 8, true), put(5, 5, true), put(1, 1, false);  // 258 at 7 + 1
    put(275 - 256, 7, true), put(54 - 51, 3, false), put(5, 5, true), put(1, 1, false);
    put(0, 7, true);  // end of block
    Bytes member = test::gzip_header();
    for (std::size_t i = 0; i < bits.size(); ++i) {
        if (i % 8 == 0) member.push_back(0);
        member.back() = std::uint8_t(member.back() | bits[i] << i % 8);
    }
    Bytes contents;
    for (int i = 0; i < 40; ++i) test::append(contents, test::text("handgrad"));
    test::append(member, test::little_endian(test::crc32(contents)));
    test::append(member, test::little_endian(std::uint32_t(contents.size())));
    return member;
}();

}  // namespace

TEST_CASE("gzip: gives the contents, in pieces of any size") {
    for (std::size_t size : {0, 1, 2, 1000, 65535, 65536, 200000}) {
        Bytes contents(size);
        for (std::size_t i = 0; i < size; ++i) contents[i] = std::uint8_t(i * i);
        for (std::size_t piece : {1, 7, 1000, 65536, 1000000}) {
            if (size / piece > 10000) continue;
            CAPTURE(size);
            CAPTURE(piece);
            CHECK(gunzip(test::gzip(contents), piece) == contents);
        }
    }
    Bytes words;
    for (int i = 0; i < 40; ++i) test::append(words, test::text("handgrad"));
    CHECK(gunzip(kCompressed, 7) == words);
    CHECK(gunzip(kCompressed, 320) == words);
}

TEST_CASE("gzip: a member cut short anywhere is refused") {
    for (const Bytes& whole : {test::gzip(test::text("0123456789")), kCompressed})
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            const Bytes cut(whole.begin(), whole.begin() + std::ptrdiff_t(size));
            CHECK(refusal(cut).find("x.gz: truncated gzip file: found an end after") == 0);
        }
}

TEST_CASE("gzip: a single flipped bit is refused or without effect") {
    const Bytes contents = test::text("0123456789");
    const Bytes whole = test::gzip(contents);
    int without_effect = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        Bytes damaged = whole;
        damaged[bit / 8] = std::uint8_t(damaged[bit / 8] ^ 1u << bit % 8);
        CAPTURE(bit);
        if (refusal(damaged) != "accepted") continue;
        CHECK(gunzip(damaged, 64) == contents);
        ++without_effect;
    }
    // One flag bit (the contents are text), four bytes of time, one byte each of extra flags and
    // system, and the five padding bits before a stored block.
    CHECK(without_effect == 1 + 32 + 8 + 8 + 5);
}

TEST_CASE("gzip: each defect has its own message") {
    const Bytes whole = test::gzip(test::text("0123456789"));
    Bytes wrong_crc = whole, wrong_length = whole, two_members = whole, garbage = whole;
    wrong_crc[whole.size() - 8] ^= 1;
    wrong_length[whole.size() - 4] ^= 1;
    test::append(two_members, whole);
    test::append(garbage, {0, 0, 0});
    Bytes no_deflate = test::gzip_header();
    test::append(no_deflate, {0x07, 0, 0, 0, 0, 0, 0, 0, 0});  // block type 3 does not exist

    CHECK(refusal(wrong_crc) == "x.gz: damaged gzip file: its CRC-32 is wrong");
    CHECK(refusal(wrong_length) == "x.gz: damaged gzip file: its length field is wrong");
    CHECK(
        refusal(two_members) ==
        "x.gz: a second gzip member follows the first: found one at byte 33, expected one member");
    CHECK(refusal(garbage) ==
          "x.gz: garbage after the gzip member: found 3 more bytes, expected the end of the file");
    CHECK(refusal(no_deflate) ==
          "x.gz: damaged gzip file: found invalid block type, expected valid deflate data");
    const Bytes empty_in_zlib_format = {0x78, 0x9C, 0x03, 0, 0, 0, 0, 1};
    CHECK(refusal(empty_in_zlib_format).find("x.gz: damaged gzip file: found ") == 0);
    CHECK(refusal(test::text("no gzip at all")).find("x.gz: damaged gzip file: found ") == 0);
}

TEST_CASE("gzip: the first two bytes tell") {
    const Bytes header = test::gzip_header();
    CHECK(is_gzip(std::as_bytes(std::span(header))));
    for (const Bytes& other : {Bytes{}, Bytes{0x1F}, Bytes{0x1F, 0x8C}, Bytes{0x8B, 0x1F}})
        CHECK_FALSE(is_gzip(std::as_bytes(std::span(other))));
}

TEST_CASE("gzip: the input may come in pieces of any size, and what follows is still noticed") {
    Bytes words;
    for (int i = 0; i < 40; ++i) test::append(words, test::text("handgrad"));
    const auto unpack = [](const Bytes& compressed, std::size_t piece) -> std::string {
        std::size_t place = 0;
        GunzipStream stream("x.gz", compressed.size(), [&] {
            const auto rest = std::as_bytes(std::span(compressed)).subspan(place);
            const auto next = rest.first(std::min(piece, rest.size()));
            place += next.size();
            return next;
        });
        Bytes all(1000);
        try {
            all.resize(stream.read(std::as_writable_bytes(std::span(all))));
        } catch (const Error& error) {
            return error.what();
        }
        return {all.begin(), all.end()};
    };
    const std::string size = std::to_string(kCompressed.size());
    Bytes garbage = kCompressed, twice = kCompressed, cut = kCompressed;
    test::append(garbage, test::text("abc"));
    test::append(twice, kCompressed);
    cut.pop_back();
    for (std::size_t piece : {1, 2, 3, 7, 1000}) {
        CAPTURE(piece);
        CHECK(unpack(kCompressed, piece) == std::string(words.begin(), words.end()));
        CHECK(unpack(garbage, piece) ==
              "x.gz: garbage after the gzip member: found 3 more bytes, expected the end of the "
              "file");
        CHECK(unpack(twice, piece) ==
              "x.gz: a second gzip member follows the first: found one at byte " + size +
                  ", expected one member");
        CHECK(unpack(cut, piece) == "x.gz: truncated gzip file: found an end after " +
                                        std::to_string(cut.size()) +
                                        " bytes, expected the rest of the compressed data");
    }
}
