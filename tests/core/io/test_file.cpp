#include "../../../core/io/file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using handgrad::test::TemporaryDirectory;

namespace {

std::string write(const std::filesystem::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

std::string read(const std::string& path, std::uint64_t max_bytes = 1000) {
    const std::vector<std::byte> bytes = read_file(path, max_bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What the error says after the path, which it must begin with.
std::string refusal(const std::string& path, std::uint64_t max_bytes = 1000) {
    try {
        read(path, max_bytes);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        CHECK(error.where() == path);
        return std::string(error.what()).substr(path.size() + 2);
    }
    return "accepted";
}

}  // namespace

TEST_CASE("read_file gives the bytes of a file, zeros and all") {
    const TemporaryDirectory folder;
    const std::string content("a\0b\r\n\xff", 6);
    CHECK(read(write(folder.path() / "some", content)) == content);
    CHECK(read(write(folder.path() / "empty", "")) == "");
}

TEST_CASE("read_file takes a file of exactly the largest size and none above") {
    const TemporaryDirectory folder;
    const std::string path = write(folder.path() / "ten", "0123456789");
    CHECK(read(path, 10) == "0123456789");
    CHECK(refusal(path, 9) == "too large: found 10 bytes, expected at most 9");
}

TEST_CASE("read_file follows a link to a file") {
    const TemporaryDirectory folder;
    write(folder.path() / "file", "content");
    std::filesystem::create_symlink("file", folder.path() / "link");
    CHECK(read(folder.path() / "link") == "content");
}

TEST_CASE("read_file says what else it met") {
    const TemporaryDirectory folder;
    CHECK(refusal(folder.path() / "missing") == "cannot be opened: No such file or directory");
    const std::string file = write(folder.path() / "file", "");
    CHECK(refusal(file + "/below") == "cannot be opened: Not a directory");
    CHECK(refusal(folder.path()) == "not a file: found a folder, expected a regular file");
    CHECK(refusal("/dev/zero") == "not a file: found a device, expected a regular file");
    CHECK_THROWS_AS(read(""), Error);
}

TEST_CASE("read_file refuses a pipe without waiting for a writer") {
    const TemporaryDirectory folder;
    const std::string pipe = folder.path() / "pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(refusal(pipe) == "not a file: found a pipe, expected a regular file");
}

TEST_CASE("read_file says that a file may not be read") {
    const TemporaryDirectory folder;
    const std::string path = write(folder.path() / "secret", "content");
    REQUIRE(chmod(path.c_str(), 0) == 0);
    // Root may read everything, so it becomes somebody else for a moment.
    const bool is_root = geteuid() == 0;
    if (is_root && seteuid(65534) != 0) return;
    const std::string message = refusal(path);
    if (is_root) REQUIRE(seteuid(0) == 0);
    CHECK(message == "cannot be opened: Permission denied");
}

TEST_CASE("read_file refuses a file whose size is not what it was said to be") {
    // Files that the kernel makes up as they are read stand in for those that change meanwhile.
    const std::string grows = "/proc/self/cmdline", shrinks = "/sys/devices/system/cpu/online";
    struct stat status {};
    if (stat(grows.c_str(), &status) == 0 && status.st_size == 0)
        CHECK(refusal(grows) == "changed its size while being read: found more bytes, expected 0");
    if (stat(shrinks.c_str(), &status) == 0 && status.st_size >= 4096)
        CHECK(refusal(shrinks, 1 << 20).starts_with("changed its size while being read: found "));
}

TEST_CASE("regular_file_size tells the length of what read_file would read") {
    const TemporaryDirectory folder;
    CHECK(regular_file_size(write(folder.path() / "file", "12345")) == 5);
    CHECK_THROWS_WITH_AS(regular_file_size(folder.path()), doctest::Contains("a folder"), Error);
    CHECK_THROWS_WITH_AS(regular_file_size(folder.path() / "missing"),
                         doctest::Contains("cannot be opened"), Error);
}

TEST_CASE("InputFile is read from front to back, and again") {
    const TemporaryDirectory folder;
    InputFile file(write(folder.path() / "ten", "0123456789"));
    CHECK(file.size() == 10);
    std::string text(4, ' ');
    const auto next = [&] {
        file.read(std::as_writable_bytes(std::span(text)));
        return text;
    };
    CHECK(next() == "0123");
    CHECK(next() == "4567");
    CHECK(file.left() == 2);
    CHECK_THROWS_WITH_AS(next(), doctest::Contains("10 bytes, expected 10"), Error);
    file.expect_end();
    file.rewind();
    CHECK(next() == "0123");
}

TEST_CASE("InputFile notices that the file grows or shrinks meanwhile") {
    const TemporaryDirectory folder;
    const std::string path = write(folder.path() / "ten", "0123456789");
    InputFile file(path);
    std::vector<std::byte> all(10);
    file.read(all);
    std::ofstream(path, std::ios::app) << "x";
    CHECK_THROWS_WITH_AS(file.expect_end(), doctest::Contains("more bytes, expected 10"), Error);
    file.rewind();
    std::filesystem::resize_file(path, 7);
    CHECK_THROWS_WITH_AS(file.read(all), doctest::Contains("7 bytes, expected 10"), Error);
}
