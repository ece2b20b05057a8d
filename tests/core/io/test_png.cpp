#include "../../../core/io/png.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"
#include "png_bytes.hpp"

using namespace handgrad;
using namespace handgrad::test;
namespace png = handgrad::test::png;

namespace {

GrayImage read(const Bytes& file) {
    const TemporaryDirectory folder;
    return read_png(write_file(folder.path() / "x.png", file));
}

// What the error says after the path.
std::string refusal(const Bytes& file) {
    const TemporaryDirectory folder;
    const std::string path = write_file(folder.path() / "x.png", file);
    try {
        read_png(path);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        CHECK(error.where() == path);
        return std::string(error.what()).substr(path.size() + 2);
    }
    return "accepted";
}

std::vector<std::uint8_t> pixels(const Bytes& file) { return read(file).pixels; }

Bytes as_bytes(const std::vector<std::byte>& file) {
    Bytes bytes;
    for (std::byte b : file) bytes.push_back(std::to_integer<std::uint8_t>(b));
    return bytes;
}

// Pixel (x, y) of a picture in which no two neighbours are equal.
GrayImage sample(int width, int height) {
    GrayImage image{width, height, {}};
    for (int i = 0; i < width * height; ++i)
        image.pixels.push_back(static_cast<std::uint8_t>(37 * i + i / 7));
    return image;
}

using Pixels = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("a written picture is read back as it was") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "x.png";
    for (const auto& [width, height] : {std::pair(1, 1), std::pair(1, 9), std::pair(9, 1),
                                        std::pair(28, 28), std::pair(301, 77)}) {
        const GrayImage image = sample(width, height);
        write_png(path, image);
        const GrayImage again = read_png(path);
        CHECK(again.width == width);
        CHECK(again.height == height);
        CHECK(again.pixels == image.pixels);
    }
}

TEST_CASE("encode_png writes an 8-bit grey PNG that its specification's rules unpack") {
    const GrayImage image = sample(31, 17);
    const Bytes file = as_bytes(encode_png(image));
    Bytes start = png::kSignature;
    append(start, png::header(31, 17, 8, png::grey));
    REQUIRE(Bytes(file.begin(), file.begin() + std::ptrdiff_t(start.size())) == start);
    const Bytes end = png::chunk("IEND", {});
    REQUIRE(Bytes(file.end() - std::ptrdiff_t(end.size()), file.end()) == end);

    // One chunk IDAT is all there is between them.
    const Bytes data(file.begin() + std::ptrdiff_t(start.size() + 8),
                     file.end() - std::ptrdiff_t(end.size() + 4));
    CHECK(png::chunk("IDAT", data).size() == file.size() - start.size() - end.size());
    Bytes rows(17 * 32);
    uLongf length = rows.size();
    REQUIRE(uncompress(rows.data(), &length, data.data(), data.size()) == Z_OK);
    REQUIRE(length == rows.size());
    // Undo the filters (PNG specification, section 9).
    const auto at = [&](int x, int y) {
        return x < 0 || y < 0 ? 0 : int(rows[std::size_t(y * 32 + x + 1)]);
    };
    for (int y = 0; y < 17; ++y)
        for (int x = 0; x < 31; ++x) {
            const int a = at(x - 1, y), b = at(x, y - 1), c = x == 0 ? 0 : at(x - 1, y - 1);
            const int pa = std::abs(b - c), pb = std::abs(a - c), pc = std::abs(a + b - 2 * c);
            const int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
            const int filter = rows[std::size_t(y * 32)];
            REQUIRE(filter <= 4);
            const int prediction[] = {0, a, b, (a + b) / 2, paeth};
            auto& value = rows[std::size_t(y * 32 + x + 1)];
            value = static_cast<std::uint8_t>(value + prediction[filter]);
            CHECK(value == image.pixels[std::size_t(y * 31 + x)]);
        }
}

TEST_CASE("encode_png leaves the compressing to zlib") {
    const GrayImage black{1000, 1000, Pixels(1'000'000, 0)};
    CHECK(encode_png(black).size() < 5000);
}

TEST_CASE("encode_png refuses sizes that contradict one another or the limits") {
    for (const GrayImage& image :
         {GrayImage{}, GrayImage{0, 4, {}}, GrayImage{-2, -2, Pixels(4)},
          GrayImage{2, 2, Pixels(3)}, GrayImage{2, 2, Pixels(5)},
          GrayImage{32768, 1, Pixels(32768)}, GrayImage{1, 32768, Pixels(32768)}}) {
        bool refused = false;
        try {
            encode_png(image);
        } catch (const Error& error) {
            refused = error.kind() == ErrorKind::argument;
        }
        CHECK(refused);
    }
    CHECK(encode_png({32767, 1, Pixels(32767)}).size() > 0);
}

TEST_CASE("write_png is an output error where no file can be") {
    const TemporaryDirectory folder;
    try {
        write_png(folder.path() / "missing" / "x.png", sample(2, 2));
        FAIL("it was written");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::output);
    }
}

TEST_CASE("grey of any depth becomes 8 bits") {
    CHECK(pixels(png::one_row(8, 1, png::grey, {0b10110001})) ==
          Pixels{255, 0, 255, 255, 0, 0, 0, 255});
    CHECK(pixels(png::one_row(4, 2, png::grey, {0b00011011})) == Pixels{0, 85, 170, 255});
    CHECK(pixels(png::one_row(2, 4, png::grey, {0x3F})) == Pixels{0x33, 0xFF});
    CHECK(pixels(png::one_row(3, 8, png::grey, {0, 7, 255})) == Pixels{0, 7, 255});
    CHECK(pixels(png::one_row(3, 16, png::grey, {0, 0, 7, 128, 255, 255})) == Pixels{0, 7, 255});
}

TEST_CASE("colours become their luma") {
    CHECK(pixels(png::one_row(2, 8, png::rgb, {0, 0, 0, 255, 255, 255})) == Pixels{0, 255});
    const Bytes row = {255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 200, 99, 77, 77, 77};
    const Pixels got = pixels(png::one_row(5, 8, png::rgb, row));
    for (std::size_t i = 0; i < 5; ++i) {
        const double luma = 0.299 * row[3 * i] + 0.587 * row[3 * i + 1] + 0.114 * row[3 * i + 2];
        CHECK(std::abs(got[i] - luma) <= 0.5);  // rounded once
    }
    CHECK(got[4] == 77);

    const Bytes sixteen = {12, 1, 200, 2, 99, 3};
    CHECK(pixels(png::one_row(1, 16, png::rgb, sixteen)) ==
          pixels(png::one_row(1, 8, png::rgb, {12, 200, 99})));
}

TEST_CASE("a palette is looked up") {
    const Bytes colours = png::chunk("PLTE", {9, 9, 9, 200, 200, 200, 0, 0, 0});
    CHECK(pixels(png::one_row(3, 8, png::palette, {2, 1, 0}, colours)) == Pixels{0, 200, 9});
    CHECK(pixels(png::one_row(4, 2, png::palette, {0b00011000}, colours)) == Pixels{9, 200, 0, 9});
}

TEST_CASE("a pixel beyond the end of a short palette is black") {
    const Bytes two = png::chunk("PLTE", {9, 9, 9, 200, 200, 200});
    CHECK(pixels(png::one_row(4, 8, png::palette, {1, 2, 255, 0}, two)) == Pixels{200, 0, 0, 9});
    Bytes transparent = two;
    append(transparent, png::chunk("tRNS", {0}));
    CHECK(pixels(png::one_row(4, 8, png::palette, {1, 2, 255, 0}, transparent)) ==
          Pixels{200, 0, 0, 255});

    Bytes every;
    for (int i = 0; i < 256; ++i) append(every, Bytes(3, std::uint8_t(i)));
    CHECK(pixels(png::one_row(3, 8, png::palette, {255, 254, 0}, png::chunk("PLTE", every))) ==
          Pixels{255, 254, 0});
}

TEST_CASE("a palette has whole colours, 1 to 256 of them, and is the only one") {
    for (const std::size_t length : {0u, 1u, 4u, 767u, 769u, 771u})
        CHECK(refusal(png::one_row(1, 8, png::palette, {0}, png::chunk("PLTE", Bytes(length))))
                  .starts_with("a PNG picture that cannot be decoded"));
    Bytes twice = png::chunk("PLTE", {9, 9, 9});
    append(twice, Bytes(twice));
    CHECK(refusal(png::one_row(1, 8, png::palette, {0}, twice))
              .starts_with("a PNG picture that cannot be decoded: found a second palette"));
}

TEST_CASE("transparency shows white") {
    SUBCASE("with grey") {
        Bytes row;
        for (int grey = 0; grey < 256; grey += 15)
            for (int alpha = 0; alpha < 256; alpha += 17)
                append(row, {std::uint8_t(grey), std::uint8_t(alpha)});
        const std::size_t count = row.size() / 2;
        const Pixels got = pixels(png::one_row(std::uint32_t(count), 8, png::grey_alpha, row));
        REQUIRE(got.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            const double alpha = row[2 * i + 1] / 255.0;
            CHECK(std::abs(got[i] - (alpha * row[2 * i] + (1 - alpha) * 255)) <= 0.5 + 1e-9);
        }
    }
    SUBCASE("with colours") {
        const Bytes row = {10, 200, 30, 0, 10, 200, 30, 128, 10, 200, 30, 255};
        const Pixels got = pixels(png::one_row(3, 8, png::rgba, row));
        const double luma = 0.299 * 10 + 0.587 * 200 + 0.114 * 30;
        for (std::size_t i = 0; i < 3; ++i) {
            const double alpha = row[4 * i + 3] / 255.0;
            // Rounded twice: as luma, and as what shows.
            CHECK(std::abs(got[i] - (alpha * luma + (1 - alpha) * 255)) <= 1.0);
        }
        CHECK(got[0] == 255);
    }
    SUBCASE("with 16 bits") {
        CHECK(pixels(png::one_row(2, 16, png::grey_alpha, {7, 0, 255, 255, 7, 0, 0, 0})) ==
              Pixels{7, 255});
        CHECK(pixels(png::one_row(1, 16, png::rgba, {9, 0, 9, 0, 9, 0, 0, 0})) == Pixels{255});
    }
    SUBCASE("of one colour, by a chunk tRNS") {
        CHECK(pixels(png::one_row(3, 8, png::grey, {4, 5, 6}, png::chunk("tRNS", {0, 5}))) ==
              Pixels{4, 255, 6});
        CHECK(pixels(png::one_row(2, 8, png::rgb, {1, 1, 1, 2, 2, 2},
                                  png::chunk("tRNS", {0, 2, 0, 2, 0, 2}))) == Pixels{1, 255});
        Bytes both = png::chunk("PLTE", {9, 9, 9, 0, 0, 0});
        append(both, png::chunk("tRNS", {255, 0}));
        CHECK(pixels(png::one_row(2, 8, png::palette, {0, 1}, both)) == Pixels{9, 255});
    }
}

TEST_CASE("what is no PNG is refused, and called what it looks like") {
    CHECK(refusal({}) == "not a PNG picture: found an empty file, expected a PNG picture");
    CHECK(refusal({0xFF, 0xD8, 0xFF, 0xE0}).starts_with("not a PNG picture: found a JPEG picture"));
    CHECK(refusal(text("GIF89a")).starts_with("not a PNG picture: found a GIF picture"));
    CHECK(refusal(text("BM6")).starts_with("not a PNG picture: found a BMP picture"));
    CHECK(refusal(text("RIFF1234WEBP")).starts_with("not a PNG picture: found a WebP picture"));
    CHECK(refusal(text("\n <!DOCTYPE html>")).starts_with("not a PNG picture: found an HTML"));
    CHECK(refusal(text("P5 1 1 255")).starts_with("not a PNG picture: found something else"));
    CHECK(refusal({0x89, 'P'}).starts_with("not a PNG picture: found the first few bytes"));
    CHECK(refusal(png::kSignature).starts_with("a PNG picture that is cut short"));

    const TemporaryDirectory folder;
    CHECK_THROWS_AS(read_png(folder.path()), Error);
    CHECK_THROWS_AS(read_png(folder.path() / "missing"), Error);
}

TEST_CASE("a PNG cut anywhere or with any byte changed is refused") {
    const Bytes whole = png::one_row(3, 8, png::rgb, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    REQUIRE(refusal(whole) == "accepted");
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(refusal({whole.begin(), whole.begin() + std::ptrdiff_t(length)}) != "accepted");
    for (std::size_t place = 0; place < whole.size(); ++place)
        for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
            Bytes damaged = whole;
            damaged[place] ^= static_cast<std::uint8_t>(change);
            CHECK(refusal(damaged) != "accepted");
        }
}

TEST_CASE("a sound file that is no sound picture is refused") {
    const auto file = [](const Bytes& header, const Bytes& data) {
        Bytes bytes = png::kSignature;
        append(bytes, header);
        append(bytes, png::chunk("IDAT", data));
        append(bytes, png::chunk("IEND", {}));
        return bytes;
    };
    const Bytes pixel = png::zlib_stream({0, 7});
    REQUIRE(refusal(file(png::header(1, 1, 8, png::grey), pixel)) == "accepted");
    const std::string refused = "a PNG picture that cannot be decoded";
    for (const auto& [width, height] :
         {std::pair(0u, 1u), std::pair(1u, 0u), std::pair(4097u, 1u), std::pair(1u, 4097u),
          std::pair(0xFFFFFFFFu, 0xFFFFFFFFu), std::pair(2u, 1u), std::pair(1u, 2u)})
        CHECK(refusal(file(png::header(width, height, 8, png::grey), pixel)).starts_with(refused));
    CHECK(refusal(file(png::header(1, 1, 3, png::grey), pixel)).starts_with(refused));
    CHECK(refusal(file(png::header(1, 1, 8, png::palette), pixel)).starts_with(refused));
    CHECK(refusal(file(png::chunk("IHDR", {0, 0, 0, 1}), pixel)).starts_with(refused));
    CHECK(refusal(file({}, pixel)).starts_with(refused));
    CHECK(refusal(file(png::header(1, 1, 8, png::grey), {})).starts_with(refused));
    // A block of the reserved type, and a filter that there is not.
    CHECK(refusal(file(png::header(1, 1, 8, png::grey), {0x78, 1, 7, 0, 0, 0, 0}))
              .starts_with(refused));
    CHECK(refusal(file(png::header(1, 1, 8, png::grey), png::zlib_stream({5, 7})))
              .starts_with(refused));
}

TEST_CASE("a small picture cannot unpack to more memory than the largest picture needs") {
    const std::size_t unpacked = std::size_t{1} << 29;
    Bytes packed(compressBound(1 << 20) + unpacked / 100), zeros(1 << 20);
    z_stream stream{};
    REQUIRE(deflateInit(&stream, Z_BEST_SPEED) == Z_OK);
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    for (std::size_t done = 0; done < unpacked; done += zeros.size()) {
        stream.next_in = zeros.data();
        stream.avail_in = static_cast<uInt>(zeros.size());
        REQUIRE(deflate(&stream, done + zeros.size() == unpacked ? Z_FINISH : Z_NO_FLUSH) >= 0);
    }
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    Bytes file = png::kSignature;
    append(file, png::header(1, 1, 8, png::grey));
    append(file, png::chunk("IDAT", packed));
    append(file, png::chunk("IEND", {}));
    CHECK(refusal(file).find("Out of memory") != std::string::npos);
}

TEST_CASE("the largest picture is read") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "x.png";
    write_png(path, {4096, 4096, Pixels(4096 * 4096, 9)});
    const GrayImage image = read_png(path);
    CHECK(image.pixels == Pixels(4096 * 4096, 9));
    write_png(path, {4097, 1, Pixels(4097)});
    CHECK_THROWS_AS(read_png(path), Error);
}
