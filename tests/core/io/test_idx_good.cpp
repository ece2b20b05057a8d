#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "../../../core/io/idx.hpp"
#include "../../support/temporary_directory.hpp"
#include "idx_bytes.hpp"

using namespace handgrad;
using namespace handgrad::test;
namespace fs = std::filesystem;

TEST_CASE("idx: good files of every size are read, plain and gzipped, whatever their name") {
    const TemporaryDirectory folder;
    for (const auto& [count, rows, cols] :
         {std::array{1u, 1u, 1u}, {2u, 3u, 4u}, {5u, 28u, 28u}, {300u, 20u, 28u}}) {
        const Bytes file = idx_images(count, rows, cols);
        for (const char* name : {"images", "images.gz"})
            for (bool zipped : {false, true}) {
                const fs::path path = write_file(folder.path() / name, zipped ? gzip(file) : file);
                const IdxImages images = read_idx_images(path);
                CHECK(images.count == Index(count));
                CHECK(images.rows == Index(rows));
                CHECK(images.cols == Index(cols));
                CHECK(images.pixels == Bytes(file.begin() + 16, file.end()));
            }
    }
    for (std::uint32_t count : {1u, 10u, 70000u}) {
        const Bytes file = idx_labels(count);
        for (bool zipped : {false, true}) {
            const fs::path path = write_file(folder.path() / "labels", zipped ? gzip(file) : file);
            CHECK(read_idx_labels(path).labels == Bytes(file.begin() + 8, file.end()));
        }
    }
}

TEST_CASE("idx: the SHA-256 is that of the uncompressed file") {
    const TemporaryDirectory folder;
    // sha256sum of the ten bytes 00 00 08 01 00 00 00 02 00 01.
    const char* const expected = "8c50639ad7f90a8211edb1bbdfb25436fd8e2a10794b6d5e3d479d1b22c7e318";
    for (bool zipped : {false, true}) {
        const Bytes file = idx_labels(2);
        const fs::path path = write_file(folder.path() / "labels", zipped ? gzip(file) : file);
        CHECK(read_idx_labels(path).sha256 == expected);
    }
}
