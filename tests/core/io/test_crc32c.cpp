#include "../../../core/io/crc32c.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace handgrad;

namespace {

std::uint32_t crc_of(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("crc32c gives the checksums of RFC 3720, appendix B.4") {
    std::string rising, falling;
    for (char c = 0; c < 32; ++c) {
        rising += c;
        falling.insert(falling.begin(), c);
    }
    CHECK(crc_of(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc_of(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc_of(rising) == 0x46dd794e);
    CHECK(crc_of(falling) == 0x113fdb5c);
    std::string read_command(48, '\0');
    read_command[0] = 0x01, read_command[1] = '\xc0', read_command[16] = 0x14;
    read_command[22] = 0x04, read_command[27] = 0x14, read_command[31] = 0x18;
    read_command[32] = 0x28, read_command[40] = 0x02;
    CHECK(crc_of(read_command) == 0xd9963a56);
}

TEST_CASE("crc32c: no bytes, and the check value of the catalogue of CRC algorithms") {
    CHECK(crc_of("") == 0);
    CHECK(crc_of("123456789") == 0xe3069283);
}
