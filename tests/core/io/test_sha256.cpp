#include "../../../core/io/sha256.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace handgrad;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("sha256_hex gives the digests that NIST published") {
    // FIPS 180-2 appendix B, and NIST's "Descriptions of SHA-256, SHA-384, and SHA-512".
    CHECK(sha256_hex(bytes_of("")) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex(bytes_of("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256_hex(bytes_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                              "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")) ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(sha256_hex(bytes_of(std::string(1'000'000, 'a'))) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("Sha256 does not care where a message is cut") {
    // Two blocks of 64 bytes and a little more.
    std::string message;
    for (int i = 0; i < 150; ++i) message += static_cast<char>(i);
    const std::string whole = sha256_hex(bytes_of(message));
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {
        Sha256 hash;
        hash.add(bytes_of(std::string_view(message).substr(0, cut)));
        hash.add(bytes_of(std::string_view(message).substr(cut)));
        CHECK(hash.finish() == whole);
    }
}

TEST_CASE("Sha256 starts afresh after finish") {
    Sha256 hash;
    hash.add(bytes_of("something else"));
    hash.finish();
    hash.add(bytes_of("abc"));
    CHECK(hash.finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
