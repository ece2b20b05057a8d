#include "../../../core/io/protobuf.hpp"

#include <doctest/doctest.h>

#include <cstdint>

#include "../../../core/error.hpp"
#include "../../golden/interchange.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

std::string hex(const ProtobufMessage& message) { return to_hex(message.bytes()); }

}  // namespace

TEST_CASE("ProtobufMessage: the examples of the encoding's documentation") {
    ProtobufMessage test1;
    test1.add_integer(1, 150);
    CHECK(hex(test1) == "089601");

    ProtobufMessage test2;
    test2.add_text(2, "testing");
    CHECK(hex(test2) == "120774657374696e67");

    ProtobufMessage test3;
    test3.add_message(3, test1);
    CHECK(hex(test3) == "1a03089601");

    ProtobufMessage negative;
    negative.add_integer(1, -2);
    CHECK(hex(negative) == "08feffffffffffffffff01");
}

TEST_CASE("ProtobufMessage: varints on both sides of every length, and keys of two bytes") {
    const auto integer = [](int field, std::int64_t value) {
        ProtobufMessage message;
        message.add_integer(field, value);
        return hex(message);
    };
    CHECK(integer(1, 0) == "0800");
    CHECK(integer(1, 127) == "087f");
    CHECK(integer(1, 128) == "088001");
    CHECK(integer(1, 16383) == "08ff7f");
    CHECK(integer(1, 16384) == "08808001");
    CHECK(integer(1, INT64_MAX) == "08ffffffffffffffff7f");
    CHECK(integer(15, 1) == "7801");
    CHECK(integer(16, 1) == "800101");
}

TEST_CASE("ProtobufMessage: floats, doubles, and fields that are appended") {
    ProtobufMessage numbers;
    numbers.add_float(2, 1.0f);
    numbers.add_double(1, -2.0);
    CHECK(hex(numbers) == "150000803f0900000000000000c0");

    ProtobufMessage both;
    both.add_bytes(3, {});
    both.append(numbers);
    CHECK(hex(both) == "1a00150000803f0900000000000000c0");
}

TEST_CASE("check_protobuf_size: one byte more than an int32 counts is refused") {
    CHECK_NOTHROW(check_protobuf_size("model", 2147483647));
    try {
        check_protobuf_size("model", 2147483648);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::argument);
        CHECK(std::string(error.what()) ==
              "model: too large for a protocol buffers message: found 2147483648 bytes, expected "
              "at most 2147483647");
    }
}
